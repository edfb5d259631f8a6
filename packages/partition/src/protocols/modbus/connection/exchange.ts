// One question to a device and how it ended: what the connection offers, and what everything above it is written against.

import type { ReadRange } from "../pdu.ts";

/** Who asks, and how patiently. */
export interface Requester {
  /** Alias of the server in the configuration, for errors. */
  readonly server: string;
  readonly timeoutMs: number;
  /** From one poll of this requester to the next; absent: it asks outside polls. */
  readonly intervalMs?: number | undefined;
  /** Rest of the device before each request of this requester. */
  readonly pauseBetweenRequestsMs: number;
  /** Rest of the device after each connect, before a request of this requester. Default 0. */
  readonly pauseAfterConnectMs?: number;
  /** The connection is closed after each answer to this requester. Default false. */
  readonly connectsPerRequest?: boolean;
}

/** How a request ended on a connection that is still sound. */
export type Answer =
  | { readonly kind: "data" }
  /** MODBUS Application Protocol V1.1b3, 7; 0 to 255. */
  | { readonly kind: "exception"; readonly code: number }
  /** This unit id did not answer in time. */
  | { readonly kind: "timeout" }
  | Skipped;

/** It was not sent, because it was needless when its turn came. */
interface Skipped {
  readonly kind: "skipped";
}

/** To a request that is needed in any case. */
export type CertainAnswer = Exclude<Answer, Skipped>;

/** Takes the data of a response out of the view, which is valid during the call only. */
export type Consume = (bytes: DataView, dataOffset: number) => void;

/** True, when the turn of a request comes, if nobody needs its answer any more. */
export type IsNeedless = () => boolean;

/** Where a poll sends its requests. */
export interface Exchange {
  /** Sends one request; rejects when the connection can no longer be relied on. */
  request(unitId: number, range: ReadRange, consume: Consume, isNeedless?: IsNeedless): Promise<Answer>;
  /** To be called with each answer. */
  answered(answer: Answer): void;
}
