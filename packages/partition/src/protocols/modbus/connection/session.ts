// What ends with one TCP connection, and what outlives it when it is only replaced by the next one.

import type { Socket } from "node:net";

import { dial, type Failure, type Line, type Place } from "./dial.ts";
import type { Answer, Consume, Requester } from "./exchange.ts";
import { FrameAssembler } from "../framing/frame-assembler.ts";
import { UnitTimeouts } from "./unit-timeouts.ts";
import { Transactions, type Transaction } from "./transactions.ts";

/** A request that is outstanding or waits for its turn. */
export interface Pending extends Transaction {
  readonly requester: Requester;
  readonly consume: Consume;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
  /** It was outstanding when the device closed a connection. */
  wasLost: boolean;
}

/**
 * The device as we know it since the last failure. A device that closes a connection between two requests (idle gateways, devices that answer
 * one request per connection) is still the same one on the next: who answers there, and what it refuses, stays known.
 */
export interface Acquaintance {
  readonly timeouts: UnitTimeouts;
  /** Monotonic; the first request. */
  askedSinceMs: number | undefined;
}

/** All that ends with one TCP connection. */
export interface Session {
  readonly socket: Socket;
  readonly frames: FrameAssembler;
  readonly transactions: Transactions;
  readonly acquaintance: Acquaintance;
  /** Monotonic. */
  openedAtMs: number;
  hasAnswered: boolean;
}

export type State =
  /** With an acquaintance it was no failure: the next request opens it again. */
  | { readonly kind: "closed"; readonly failure: Failure; readonly acquaintance?: Acquaintance }
  /** `attempt` is settled, never rejected, when this state ends. */
  | { readonly kind: "connecting"; readonly session: Session; readonly attempt: PromiseWithResolvers<void> }
  | { readonly kind: "open"; readonly session: Session };

/** The events of a TCP connection, with the session they belong to. */
export interface SessionEvents {
  opened(session: Session, ...certificateEndsMs: Parameters<Line["opened"]>): void;
  received(session: Session, chunk: Uint8Array, lengthBytes: number): void;
  lost(session: Session, failure: Failure): void;
}

/** Begins to connect; `acquaintance` is that of the connection it replaces. Throws as `dial` does. */
export function openSession(
  place: Place,
  timeoutMs: number,
  acquaintance: Acquaintance | undefined,
  events: SessionEvents,
): Session {
  const socket = dial(place, timeoutMs, {
    opened: (...certificateEndsMs) => {
      session.openedAtMs = performance.now();
      events.opened(session, ...certificateEndsMs);
    },
    received: (chunk, lengthBytes) => events.received(session, chunk, lengthBytes),
    lost: (failure) => events.lost(session, failure),
  });
  const session: Session = {
    socket,
    frames: new FrameAssembler(),
    transactions: new Transactions(),
    acquaintance: acquaintance ?? { timeouts: new UnitTimeouts(), askedSinceMs: undefined },
    openedAtMs: 0,
    hasAnswered: false,
  };
  return session;
}

/** What is left of the pauses that the device needs; `idleSinceMs` is monotonic. */
export function restMs({ openedAtMs }: Session, idleSinceMs: number, requester: Requester): number {
  const { pauseBetweenRequestsMs, pauseAfterConnectMs = 0 } = requester;
  if (pauseBetweenRequestsMs === 0 && pauseAfterConnectMs === 0) return 0;
  return Math.max(idleSinceMs + pauseBetweenRequestsMs, openedAtMs + pauseAfterConnectMs) - performance.now();
}

/** A stream that ends between two frames has ended; one that ends inside a frame has broken the protocol. */
export function lostInside(pendingBytes: number, failure: Failure): Failure {
  if (pendingBytes === 0) return failure;
  return { code: "ProtocolViolation", because: `${failure.because}, ${pendingBytes} bytes into a reply` };
}
