// What the polling loop needs of a server, whatever protocol it speaks.

import type { PointDescription } from "@cpc-partition/image/point";
import type { PointSink } from "@cpc-partition/image/point-sink";

export interface ServerClient {
  readonly alias: string;
  /** Its entry in the document that tells whether the server is connected. */
  readonly connection: { readonly key: string; readonly description: string };
  /**
   * The points in configuration order. A session may teach better keys, types and capacities: then `connect` replaces the
   * list (same length, same order) by a new one, and the caller notices because it is another array.
   */
  readonly points: readonly PointDescription[];
  /** Poll interval of this server; undefined: the service's. */
  readonly intervalMs: number | undefined;
  /** Pause between a failed or lost connection and the next attempt. */
  readonly retryIntervalMs: number;

  /** Wall clock, when the certificate that the server showed last expires; absent or undefined: it showed none. */
  readonly certificateEndsMs?: number | undefined;
  /** The same of the certificate that we show the server. */
  readonly ownCertificateEndsMs?: number | undefined;
  /** Whether the connection is insecure as it is configured; absent: not told. */
  readonly isInsecure?: boolean;
  /**
   * The last attempt was refused, and what that depended on (a trust list, a certificate) has changed since: the next attempt need not wait.
   * Absent: never.
   */
  readonly isWorthRetrying?: boolean;

  /** The most that one request may ask for, as the server's refusals have taught; undefined: it has refused no length. */
  readonly requestLimit?: number | undefined;

  /** One attempt to connect, bounded by the client's own time-outs. Rejects with a ServerError when it fails, or when the signal aborts. */
  connect(signal: AbortSignal): Promise<void>;
  /**
   * Reads every point once. What the server answers about a point, good or bad, goes to the sink; rejects with a ServerError
   * only when the connection can no longer be relied on. The caller then calls `disconnect` and, later, `connect`.
   */
  poll(sink: PointSink, signal: AbortSignal): Promise<void>;
  /** Ends the connection politely within a bounded time; harmless when there is none. Never rejects. */
  disconnect(): Promise<void>;
}
