// One TCP connection from its opening to its end: sends requests, judges what comes, and says what became of each request. Whether another
// connection follows, and who is next, is its owner's business.
//
// Nothing but the requests of pdu.ts is ever written to the socket, in one place (`send`).

import type { Socket } from "node:net";

import { FrameAssembler } from "../framing/frame-assembler.ts";
import type { Frame, Framing, Malformed } from "../framing/framing.ts";
import { encodeRequest, REQUEST_PDU_BYTES } from "../pdu.ts";
import { unitIsAbsent } from "../exception-status.ts";
import { dial, type Endpoint, type Failure, type SocketEvents } from "./dial.ts";
import type { Answer, Consume, Requester } from "./exchange.ts";
import type { FirstAnswer } from "./first-answer.ts";
import { judgeReply, unasked, violation } from "./judge-reply.ts";
import type { KnownDevice } from "./known-device.ts";
import { RequestWindow, type Outstanding } from "./request-window.ts";
import type { Transaction } from "./transaction-ids.ts";

/** A request that is outstanding or waits for its turn. */
export interface Pending extends Transaction {
  readonly requester: Requester;
  readonly consume: Consume;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
  /** It was outstanding when the device closed a connection. */
  wasLost: boolean;
}

export interface TcpSessionEvents {
  opened(session: TcpSession, ...certificateEndsMs: Parameters<SocketEvents["opened"]>): void;
  /** The peer ended the connection, or the network did. */
  lost(session: TcpSession, failure: Failure): void;
  /** Nothing that comes on this connection can be relied on any more: it is to be ended. */
  failed(session: TcpSession, failure: Failure): void;
  /** Requests of these have ended, with or without an answer: there is room for others. */
  freed(session: TcpSession, requesters: readonly Requester[]): void;
}

export interface TcpSessionSettings {
  readonly endpoint: Endpoint;
  readonly framing: Framing;
  /** Requests that may be outstanding at once. */
  readonly windowSize: number;
  readonly firstAnswer: FirstAnswer;
}

const DATA: Answer = { kind: "data" };
const TIMEOUT: Answer = { kind: "timeout" };

export class TcpSession {
  readonly device: KnownDevice;
  readonly #framing: Framing;
  readonly #firstAnswer: FirstAnswer;
  readonly #events: TcpSessionEvents;
  readonly #socket: Socket;
  readonly #frames: FrameAssembler;
  readonly #window: RequestWindow<Pending>;
  readonly #request: Uint8Array;
  /** Monotonic. */
  #openedAtMs = 0;
  #hasAnswered = false;

  /** Begins to connect. Throws as `dial` does. */
  constructor(settings: TcpSessionSettings, timeoutMs: number, device: KnownDevice, events: TcpSessionEvents) {
    const { endpoint, framing, windowSize, firstAnswer } = settings;
    this.device = device;
    this.#framing = framing;
    this.#firstAnswer = firstAnswer;
    this.#events = events;
    this.#frames = new FrameAssembler(framing);
    this.#window = new RequestWindow(windowSize, (outstanding) => this.#timedOut(outstanding));
    this.#request = this.#newRequest();
    this.#socket = dial(endpoint, timeoutMs, {
      opened: (...certificateEndsMs) => {
        this.#openedAtMs = performance.now();
        events.opened(this, ...certificateEndsMs);
      },
      received: (chunk, lengthBytes) => this.#received(chunk, lengthBytes),
      lost: (failure) => events.lost(this, failure),
    });
  }

  /** A device that closes its connection like this may be connected again at once: it has answered, and no request was lost twice. */
  get isReplaceable(): boolean {
    return (
      this.#hasAnswered && this.#frames.pendingBytes === 0 && !this.#window.requests.some(({ wasLost }) => wasLost)
    );
  }

  /** Of a reply that has begun. */
  get pendingBytes(): number {
    return this.#frames.pendingBytes;
  }

  get isFull(): boolean {
    return this.#window.isFull;
  }

  get isIdle(): boolean {
    return this.#window.isEmpty;
  }

  /** What is left of the pauses that the device needs before a request of this requester. */
  restMs({ pauseBetweenRequestsMs, pauseAfterConnectMs = 0 }: Requester): number {
    if (pauseBetweenRequestsMs === 0 && pauseAfterConnectMs === 0) return 0;
    const { idleSinceMs } = this.device;
    return Math.max(idleSinceMs + pauseBetweenRequestsMs, this.#openedAtMs + pauseAfterConnectMs) - performance.now();
  }

  /** Throws a RangeError for what may not be sent. */
  send(pending: Pending): void {
    // The bytes are reused as soon as the socket has taken them; one that has not gets bytes of its own.
    const request = this.#socket.writableLength === 0 ? this.#request : this.#newRequest();
    const view = new DataView(request.buffer);
    encodeRequest(view, this.#framing.headerBytes, pending);
    this.device.askedSinceMs ??= performance.now();
    const id = this.#window.add(pending, pending.requester.timeoutMs);
    this.#framing.seal(view, id, pending.unitId, REQUEST_PDU_BYTES);
    this.#socket.write(request);
  }

  /** Gives up the requests of a requester, whose replies may still come. */
  abandon(requester: Requester): readonly Pending[] {
    const abandoned = this.#window.abandonWhere((request) => request.requester === requester);
    if (abandoned.length > 0) this.#noteIdle();
    return abandoned;
  }

  /** Ends the TCP connection; the result is what was outstanding. */
  end(): readonly Pending[] {
    this.#socket.destroy();
    if (!this.#window.isEmpty) this.#noteIdle();
    return this.#window.end();
  }

  #newRequest(): Uint8Array<ArrayBuffer> {
    const { headerBytes, trailerBytes } = this.#framing;
    return new Uint8Array(headerBytes + REQUEST_PDU_BYTES + trailerBytes);
  }

  #noteIdle(): void {
    this.device.idleSinceMs = performance.now();
  }

  #timedOut(outstanding: Outstanding<Pending>): void {
    const { unitId, requester } = outstanding.request;
    const { timeoutMs } = requester;
    const { pendingBytes } = this.#frames;
    // The reply that has begun may be another's, as long as one is outstanding.
    if (pendingBytes > 0 && this.#window.requests.length === 1) {
      const because = `a reply stopped after ${pendingBytes} bytes for ${timeoutMs} ms`;
      return this.#events.failed(this, { code: "ProtocolViolation", because });
    }
    const { timeouts, askedSinceMs = 0 } = this.device;
    const ageMs = performance.now() - askedSinceMs;
    const isYoung = this.#firstAnswer.mayStillCome(timeouts.inARow + 1, ageMs);
    if (timeouts.timedOut(unitId, isYoung, this.#window.isOvertaken(outstanding))) {
      if (!timeouts.hasAnyAnswered) this.#firstAnswer.didNotCome(ageMs);
      const others = timeouts.hasAnyAnswered ? "" : ", nor did any other since the connect";
      const because = `unit id ${unitId} did not answer within ${timeoutMs} ms${others}`;
      return this.#events.failed(this, { code: "Timeout", because });
    }
    this.#window.abandon(outstanding);
    this.#noteIdle();
    outstanding.request.resolve(TIMEOUT);
    this.#events.freed(this, [requester]);
  }

  #received(chunk: Uint8Array, lengthBytes: number): void {
    if (this.#socket.destroyed) return;
    let wrong: Malformed | undefined;
    const malformed = this.#frames.push(chunk, lengthBytes, (bytes, frame) => {
      wrong = this.#accept(bytes, frame);
      return wrong === undefined;
    });
    wrong ??= malformed ?? this.#surplus();
    if (wrong !== undefined) return this.#events.failed(this, violation(wrong, this.#window.requests[0]));
    // Only now: what comes with a reply may show that its border was wrong, so that nothing of it can be relied on.
    const answered = this.#window.takeAnswered();
    if (answered.length > 0) this.#noteIdle();
    for (const { request, answer } of answered) request.resolve(answer);
    this.#events.freed(
      this,
      answered.map(({ request }) => request.requester),
    );
  }

  /** Bytes that belong to no reply that could still come. */
  #surplus(): Malformed | undefined {
    const { pendingBytes } = this.#frames;
    if (pendingBytes === 0 || this.#window.isAnyAbandoned || this.#window.idsDue.length > 0) return undefined;
    return { kind: "malformed", field: "trailing bytes", expected: "0", actual: pendingBytes };
  }

  #accept(bytes: DataView, frame: Frame): Malformed | undefined {
    const due = this.#window.awaiting(frame.transactionId);
    const asked = due?.request ?? this.#window.takeAbandoned(frame.transactionId);
    if (asked === undefined) return unasked(this.#window.idsDue, frame);
    const response = judgeReply(asked, bytes, frame);
    if (response.kind === "malformed") return response;
    this.#hasAnswered = true;
    this.device.timeouts.replied(frame.unitId);
    // A gateway that has given up, be it later than we did, does not stop the device behind it from answering.
    if (response.kind === "exception" && unitIsAbsent(response.code))
      this.#window.expectAnother(frame.transactionId, asked);
    if (due === undefined) return undefined;
    if (response.kind === "data") {
      try {
        due.request.consume(bytes, response.dataOffset);
      } catch (error) {
        this.#window.finish(due);
        this.#noteIdle();
        due.request.reject(error);
        return undefined;
      }
    }
    this.#window.answered(due, response.kind === "data" ? DATA : response);
    return undefined;
  }
}
