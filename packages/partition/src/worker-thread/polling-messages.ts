// Everything that crosses the boundary between a service's thread, which alone writes image and journal, and the polling threads that read
// servers for it. Plain data, and two words of shared memory.

import type { FailureKind } from "@cpc-partition/image/failure-kind";
import type { ConnectionState, GroupCounter, ServerCounter } from "@cpc-partition/image/layout";
import type { SourceState } from "@cpc-partition/image/server-block";
import type { LogLevel } from "@cpc-partition/process/log";
import type { PackedServer } from "../configuration/packed-configuration.ts";
import type { Finding } from "../sources/source.ts";
import type { RecordedPoll } from "./recorded-poll.ts";

export interface PollingOrder {
  readonly intervalMs: number;
  /** On the monotonic clock: an instant at which polls begin. */
  readonly gridStartMs: number;
  readonly certificatesDirectory: string;
  readonly shared: SharedArrayBuffer;
}

/** `server` is a number that the service's thread gave it. */
export type MessageToPolling =
  /** The first one. */
  | { readonly kind: "start"; readonly order: PollingOrder }
  | {
      readonly kind: "read";
      readonly server: number;
      readonly groups: number;
      readonly packed: PackedServer;
      /** `Source.known` */
      readonly known: Finding;
    }
  /** `taken`: so many reports of this thread were done with until then. What comes later of the server is not shown. */
  | { readonly kind: "stop"; readonly server: number; readonly taken: number }
  /** What was published last and could not be shown can be now. */
  | { readonly kind: "read again"; readonly server: number; readonly group: number }
  /** Wants "ticked" when the polls that began with this tick have ended. */
  | { readonly kind: "tick"; readonly instantMs: number };

/** They come in lists, in the order in which they happened. */
export type PollingReport =
  | {
      readonly kind: "log";
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | {
      readonly kind: "published";
      readonly server: number;
      readonly group: number;
      readonly poll: RecordedPoll;
      readonly connection: ConnectionState;
      readonly durationMs: number | null | undefined;
    }
  | { readonly kind: "shown"; readonly server: number; readonly state: SourceState }
  | {
      readonly kind: "shown everywhere";
      readonly server: number;
      readonly state: SourceState;
      readonly status: number | undefined;
    }
  | { readonly kind: "counted"; readonly server: number; readonly counter: ServerCounter }
  | { readonly kind: "failed"; readonly server: number; readonly failure: FailureKind }
  | {
      readonly kind: "group counted";
      readonly server: number;
      readonly group: number;
      readonly counter: GroupCounter;
      readonly by: bigint;
    }
  /** What the source of the server has found out: `Source.reportFindings`. */
  | { readonly kind: "found"; readonly server: number; readonly finding: Finding; readonly isOfPoints: boolean }
  /** A server came or went. */
  | { readonly kind: "changed" }
  /** The server was told to stop, and its connection is closed. */
  | { readonly kind: "ended"; readonly server: number }
  | { readonly kind: "ticked"; readonly instantMs: number };

export const sharedBytes = 16;
/** How often a polling thread says that it runs. */
export const sharedBeatMs = 100;

/** What both threads see at any time. */
export class SharedWords {
  readonly #times: BigInt64Array;
  readonly #words: Int32Array;

  constructor(shared: SharedArrayBuffer) {
    this.#times = new BigInt64Array(shared, 0, 1);
    this.#words = new Int32Array(shared, 8, 1);
  }

  /** The polling thread runs, at this time of the monotonic clock. */
  beat(nowMs: number): void {
    Atomics.store(this.#times, 0, BigInt(Math.round(nowMs * 1e6)));
  }

  /** 0 before the first. */
  get beatMs(): number {
    return Number(Atomics.load(this.#times, 0)) / 1e6;
  }

  /** Reports that the polling thread has sent and the other one has not done with. */
  sent(count: number): void {
    Atomics.add(this.#words, 0, count);
  }

  done(count: number): void {
    Atomics.sub(this.#words, 0, count);
  }

  get outstanding(): number {
    return Atomics.load(this.#words, 0);
  }
}
