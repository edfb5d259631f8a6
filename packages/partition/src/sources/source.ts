// What the loops need of a server, whatever protocol it speaks: a source can be connected, a session runs the groups of its points and
// reports what comes. Whether it asks at every tick or the server sends by itself is the session's business.

import type { ConnectionEntry, PointDescription } from "@cpc-partition/image/point";
import type { PointSink } from "@cpc-partition/image/point-sink";

/** Points of one server that are read at one rate and published as a whole. */
export interface Group {
  /** "" for the only group of a server. */
  readonly name: string;
  /** Undefined: the service's. */
  readonly intervalMs: number | undefined;
  /** Places in the source's list of points, in the order of the indexes of a `PointSink`. */
  readonly points: readonly number[];
}

/** What is known of a server apart from its values; it may change with each connection and each poll. */
export interface SourceFacts {
  /** Wall clock, when the certificate that the server showed last expires; undefined: it showed none. */
  readonly certificateEndsMs?: number | undefined;
  /** The same of the certificate that we show the server. */
  readonly ownCertificateEndsMs?: number | undefined;
  /** The most that one request may ask for, as the server's refusals have taught; undefined: it has refused no length. */
  readonly requestLimit?: number | undefined;
}

export interface Source {
  readonly alias: string;
  /** Its entry in the document that tells whether the server is connected. */
  readonly connection: ConnectionEntry;
  /** Whether the connection is insecure as it is configured; undefined: not told. */
  readonly isInsecure: boolean | undefined;
  /** Pause between a failed or lost connection and the next attempt, where the failure asks for no other (`ServerError.retry`). */
  readonly retryIntervalMs: number;
  /**
   * The points in configuration order. A session may teach better keys, types and capacities: then the list is replaced
   * (same length, same order) by a new one, and the caller notices because it is another array.
   */
  readonly points: readonly PointDescription[];
  /** Always the same; each point is in one of them. */
  readonly groups: readonly Group[];
  readonly facts: SourceFacts;
  /** One attempt to connect, bounded by its own time-outs. Rejects with a ServerError, and leaves nothing behind, when it fails or the signal aborts. */
  connect(signal: AbortSignal): Promise<Session>;
}

export interface Session {
  /**
   * Runs every group until the signal aborts. What the server answers about a point, good or bad, is reported; rejects with a
   * ServerError only when the connection can no longer be relied on. The caller then calls `close`.
   */
  run(reports: SessionReports, signal: AbortSignal): Promise<void>;
  /** Ends the connection politely within a bounded time; harmless when that is done. Never rejects. */
  close(): Promise<void>;
}

/** Where a session reports. */
export interface SessionReports {
  /** The server is alive: it has answered, or said so by itself. What a group publishes says it, too. */
  alive(): void;
  /** In the order of the source's groups. */
  readonly groups: readonly GroupReports[];
}

export interface GroupReports {
  /** Publishes what the server sent by itself. */
  publish(fill: (sink: PointSink) => void): void;
  /** Polls: `read` fills the sink at every tick of the group and rejects as `Session.run` does. Ends when the signal aborts. */
  everyTick(read: (sink: PointSink) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** Runs all groups of a session by polling them, each at its own ticks. When one fails, the others are ended first. */
export async function pollGroups(
  { groups }: SessionReports,
  signal: AbortSignal,
  poll: (group: number, sink: PointSink, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  const both = AbortSignal.any([signal, failed.signal]);
  const failures: unknown[] = [];
  await Promise.all(
    groups.map(async (group, index) => {
      try {
        await group.everyTick((sink) => poll(index, sink, both), both);
      } catch (error) {
        failures.push(error);
        failed.abort();
      }
    }),
  );
  if (failures.length > 0) throw failures[0];
}
