// What the loops need of a server, whatever protocol it speaks: a source can be connected, a session runs the groups of its points and
// reports what comes. Whether it asks at every tick or the server sends by itself is the session's business.

import type { ConnectionEntry, PointDescription } from "@cpc-partition/image/point";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { ServerDemand } from "./divide-servers.ts";
import type { ServerError } from "./server-error.ts";

/** Points of one server that are read at one rate and published as a whole. */
export interface Group {
  /** "" for the only group of a server. */
  readonly name: string;
  /** Undefined: the service's. */
  readonly intervalMs: number | undefined;
  /** The server sends what changes. Absent: it is polled. */
  readonly isSubscribed?: boolean;
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

/** Plain data that one source tells another of the same server in another thread; what it means is the protocol's business. */
export type Finding = unknown;

export interface Source {
  readonly alias: string;
  /** Its entry in the document that tells whether the server is connected. */
  readonly connection: ConnectionEntry;
  /** Whether the connection is insecure as it is configured; undefined: not told. */
  readonly isInsecure: boolean | undefined;
  /** Pause between a failed or lost connection and the next attempt, where the failure asks for no other (`ServerError.retry`). */
  readonly retryIntervalMs: number;
  /**
   * The points in configuration order. A session may find better keys, types and capacities: then the list is replaced
   * (same length, same order) by a new one, and the caller notices because it is another array.
   */
  readonly points: readonly PointDescription[];
  /** Always the same; each point is in one of them. */
  readonly groups: readonly Group[];
  /** Asked for with every publication: the same object as long as it says the same. */
  readonly facts: SourceFacts;
  /** What reading it costs, so that servers can be divided among threads; absent: it is read in the service's own. */
  readonly demand?: ServerDemand;
  /**
   * A server that another thread reads has a source there, too, which begins with what this one knows, and what it finds out is added here.
   * Absent: there is nothing beside values.
   */
  known?(): Finding;
  addFinding?(finding: Finding): void;
  /**
   * This one reads for another thread: it begins with what is known there, and tells what it finds out, before the values that belong to it.
   * `isOfPoints`: it changes `points`.
   */
  reportFindings?(known: Finding, tell: (finding: Finding, isOfPoints: boolean) => void): void;
  /** One attempt to connect, bounded by its own time-outs. Rejects with a ServerError, and leaves nothing behind, when it fails or the signal aborts. */
  connect(signal: AbortSignal): Promise<Session>;
}

export interface Session {
  /**
   * Runs every group until the signal aborts. What the server answers about a point, good or bad, is reported; rejects with a
   * ServerError only when the connection can no longer be relied on. The caller then calls `close`.
   */
  run(reports: SessionReports, signal: AbortSignal): Promise<void>;
  /** What a run would ask the server for and not get, to be called after `run`; absent: nothing. Rejects as `run` does. */
  unmet?(signal: AbortSignal): Promise<readonly UnmetWish[]>;
  /** Ends the connection politely within a bounded time; harmless when that is done. Never rejects. */
  close(): Promise<void>;
}

export interface UnmetWish {
  readonly message: string;
  /** Places in the source's list of points. */
  readonly points: readonly number[];
}

/** Where a session reports. */
export interface SessionReports {
  /** The server is alive: it has answered, or said so by itself. What a group publishes says it, too. */
  alive(): void;
  /** Something failed and the session goes on without it: counted, shown as the last error, logged. */
  failed(error: ServerError): void;
  /** In the order of the source's groups. */
  readonly groups: readonly GroupReports[];
}

/** What became of a publication: true: readers have it. False: they never will, for the server was told to stop. Undefined: it is on its way. */
export type Receipt = () => boolean | undefined;

export interface GroupReports {
  /** Publishes what the server sent by itself. */
  publish(fill: (sink: PointSink) => void): Receipt;
  /** Resolves when what was published is taken, where another thread takes it; undefined: it is. Without waiting, it may take any memory. */
  room?(): Promise<void> | undefined;
  /** Called when values that were published and could not be shown, for want of room or a key, can be: publish them again. */
  wantsAgain: (() => void) | undefined;
  /** Polls: `read` fills the sink at every tick of the group and rejects as `Session.run` does. Ends when the signal aborts. */
  everyTick(read: (sink: PointSink) => Promise<void>, signal: AbortSignal): Promise<void>;
}

/** Runs all groups of a session by polling them, each at its own ticks. When one fails, the others are ended first. */
export async function pollGroups(
  { groups }: SessionReports,
  signal: AbortSignal,
  poll: (group: number, sink: PointSink, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const polls = groups.map((group, index) => async (both: AbortSignal) => {
    await group.everyTick((sink) => poll(index, sink, both), both);
  });
  await together(polls, signal);
}

/** Does the works at the same time until the signal aborts. When one fails, the others are ended first. */
export async function together(
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  // Not AbortSignal.any: every poll asks its signal several times, and such a one looks at all others each time.
  const ended = new AbortController();
  const end = (): void => ended.abort();
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  const failures: unknown[] = [];
  await Promise.all(
    works.map(async (work) => {
      try {
        await work(ended.signal);
      } catch (error) {
        failures.push(error);
        end();
      }
    }),
  );
  signal.removeEventListener("abort", end);
  if (failures.length > 0) throw failures[0];
}
