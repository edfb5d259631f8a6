// What a connection to a device offers, whatever the frames that travel on it, and what it reports.

import type { Endpoint, Failure, SocketEvents } from "./dial.ts";
import type { Answer, Consume, IsNeedless, Requester } from "./exchange.ts";
import type { FirstAnswer } from "./first-answer.ts";
import type { KnownDevice } from "./known-device.ts";
import type { Transaction } from "./transaction-ids.ts";

/** A request that is outstanding or waits for its turn. */
export interface Pending extends Transaction {
  readonly requester: Requester;
  readonly consume: Consume;
  readonly isNeedless: IsNeedless | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
  readonly dueMs: number;
  /** Monotonic; 0 before it was sent. */
  sentMs: number;
  /** It was outstanding, alone, when the device closed a connection. */
  wasLost: boolean;
  /** It was lost while the device answered others. */
  wasCrowdedOut: boolean;
}

export interface Ended {
  readonly request: Pending;
}

export interface LineSessionEvents {
  opened(session: LineSession, ...certificateEndsMs: Parameters<SocketEvents["opened"]>): void;
  /** The peer ended the connection, or the network did. */
  lost(session: LineSession, failure: Failure): void;
  /** Nothing that comes on this connection can be relied on any more: it is to be ended. */
  failed(session: LineSession, failure: Failure): void;
  /** These have ended, with or without an answer: there is room for others. */
  freed(session: LineSession, ended: readonly Ended[]): void;
  /** The device has lost this request while it answered others of the same unit id that were sent at the same time. */
  crowdedOut(session: LineSession, request: Pending): void;
}

export interface LineSessionSettings {
  readonly endpoint: Endpoint;
  readonly firstAnswer: FirstAnswer;
}

export interface LineSession {
  readonly device: KnownDevice;
  /** A device that closes its connection like this may be connected again at once: it has answered, and no request was lost twice. */
  readonly isReplaceable: boolean;
  /** Of a reply that has begun. */
  readonly pendingBytes: number;
  /** Requests that have been sent and not finished. */
  readonly outstanding: number;
  readonly isIdle: boolean;
  /** A reply that is still to come could not be told from the reply to the next request. */
  readonly isAmbiguous: boolean;
  /** A unit id of which nobody knows whether it answers gets one request at a time, since each may cost its line a time-out. */
  mustWait(unitId: number): boolean;
  /** How long nothing may be sent for this requester. */
  restMs(requester: Requester): number;
  /** Throws a RangeError for what may not be sent. */
  send(request: Pending): void;
  /** Gives up the requests of a requester, whose replies may still come. */
  abandon(requester: Requester): readonly Pending[];
  /** Ends the TCP connection; the result is what was outstanding. */
  end(): readonly Pending[];
}
