// One TCP connection from its opening to its end: sends requests, judges what comes, and says what became of each request. Whether another
// connection follows, and who is next, is its owner's business.
//
// Nothing but the requests of pdu.ts is ever written to the socket, in one place (`send`).

import type { Socket } from "node:net";

import type { Tolerance } from "../configuration/modbus-server.ts";
import { FrameAssembler } from "../framing/frame-assembler.ts";
import type { Frame, Framing, Malformed } from "../framing/framing.ts";
import { encodeRequest, REQUEST_PDU_BYTES } from "../pdu.ts";
import { unitIsAbsent } from "../exception-status.ts";
import { dial } from "./dial.ts";
import type { Answer, Requester } from "./exchange.ts";
import type { FirstAnswer } from "./first-answer.ts";
import { judgeReply, unasked, violation } from "./judge-reply.ts";
import type { KnownDevice } from "./known-device.ts";
import type { LineSession, LineSessionEvents, LineSessionSettings, Pending } from "./line-session.ts";
import { RequestWindow, type Outstanding } from "./request-window.ts";

interface TcpSessionSettings extends LineSessionSettings {
  readonly framing: Framing;
  readonly tolerates: readonly Tolerance[];
}

/** The same bytes twice: as the socket takes them without wrapping them first, and as they are encoded. */
interface RequestBytes {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** For the next request of any connection: what a thousand connections use in turn does not stay in the processor's cache if each has its own. */
let freeBytes: RequestBytes | undefined;

const DATA: Answer = { kind: "data" };
const TIMEOUT: Answer = { kind: "timeout" };

export class TcpSession implements LineSession {
  readonly device: KnownDevice;
  readonly #framing: Framing;
  readonly #tolerates: readonly Tolerance[];
  /** The device does not return transaction ids: the reply is that to the only request that is outstanding. */
  readonly #ignoresIds: boolean;
  readonly #firstAnswer: FirstAnswer;
  readonly #events: LineSessionEvents;
  readonly #socket: Socket;
  readonly #frames: FrameAssembler;
  readonly #window: RequestWindow<Pending>;
  /** Monotonic. */
  #openedAtMs = 0;
  #hasAnswered = false;
  /** Monotonic; the last reply of each unit id. */
  readonly #repliedMs = new Map<number, number>();

  /** Begins to connect. Throws as `dial` does. */
  constructor(settings: TcpSessionSettings, timeoutMs: number, device: KnownDevice, events: LineSessionEvents) {
    const { endpoint, framing, tolerates, firstAnswer } = settings;
    this.device = device;
    this.#framing = framing;
    this.#tolerates = tolerates;
    this.#ignoresIds = tolerates.includes("transactionId");
    this.#firstAnswer = firstAnswer;
    this.#events = events;
    this.#frames = new FrameAssembler(framing);
    this.#window = new RequestWindow((outstanding) => this.#timedOut(outstanding));
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

  /** Requests that have been sent and not finished. */
  get outstanding(): number {
    return this.#window.count;
  }

  /** A unit id of which nobody knows whether it answers gets one request at a time, since each may cost its line a time-out. */
  mustWait(unitId: number): boolean {
    if (this.#window.isEmpty) return false;
    const { timeouts } = this.device;
    if (!timeouts.hasAnyAnswered) return true;
    return !timeouts.isAnswering(unitId) && this.#window.requests.some((request) => request.unitId === unitId);
  }

  get isAmbiguous(): boolean {
    return this.#ignoresIds && this.#window.isAnyAbandoned;
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
    const request = requestBytes(this.#framing);
    encodeRequest(request.view, this.#framing.headerBytes, pending);
    pending.sentMs = performance.now();
    this.device.askedSinceMs ??= pending.sentMs;
    const id = this.#window.add(pending, pending.requester.timeoutMs);
    this.#framing.seal(request.view, id, pending.unitId, REQUEST_PDU_BYTES);
    this.#socket.write(request.bytes);
    // What the socket has not passed on yet must stay as it is.
    if (this.#socket.writableLength > 0) freeBytes = undefined;
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
    if (this.#isCrowdedOut(outstanding.request)) {
      this.#window.abandon(outstanding);
      this.#noteIdle();
      return this.#events.crowdedOut(this, outstanding.request);
    }
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
    this.#events.freed(this, [outstanding]);
  }

  /** Once for each request: one that is lost twice has met with silence. */
  #isCrowdedOut({ unitId, sentMs, wasCrowdedOut }: Pending): boolean {
    return !wasCrowdedOut && (this.#repliedMs.get(unitId) ?? 0) > sentMs;
  }

  #received(chunk: DataView, lengthBytes: number): void {
    if (this.#socket.destroyed) return;
    const wrong = this.#frames.push(chunk, lengthBytes, this.#accept) ?? this.#surplus();
    if (wrong !== undefined) return this.#events.failed(this, violation(wrong, this.#window.requests[0]));
    // Only now: what comes with a reply may show that its border was wrong, so that nothing of it can be relied on.
    const answered = this.#window.takeAnswered();
    if (answered.length > 0) this.#noteIdle();
    for (const { request, answer } of answered) request.resolve(answer);
    this.#events.freed(this, answered);
  }

  /** Bytes that belong to no reply that could still come. */
  #surplus(): Malformed | undefined {
    const { pendingBytes } = this.#frames;
    if (pendingBytes === 0 || this.#window.isAnyAbandoned || this.#window.idsDue.length > 0) return undefined;
    return { kind: "malformed", field: "trailing bytes", expected: "0", actual: pendingBytes };
  }

  readonly #accept = (bytes: DataView, frame: Frame): Malformed | undefined => {
    const id = this.#ignoresIds ? undefined : frame.transactionId;
    const due = this.#window.awaiting(id);
    const asked = due?.request ?? this.#window.takeAbandoned(id);
    if (asked === undefined) return unasked(this.#window.idsDue, frame);
    const response = judgeReply(asked, bytes, frame, this.#tolerates);
    if (response.kind === "malformed") return response;
    this.#hasAnswered = true;
    this.device.timeouts.replied(asked.unitId);
    if (this.#window.count > 1) this.#repliedMs.set(asked.unitId, performance.now());
    // A gateway that has given up, be it later than we did, does not stop the device behind it from answering.
    if (response.kind === "exception" && unitIsAbsent(response.code)) this.#window.expectAnother(id ?? due?.id, asked);
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
  };
}

function requestBytes({ headerBytes, trailerBytes }: Framing): RequestBytes {
  const lengthBytes = headerBytes + REQUEST_PDU_BYTES + trailerBytes;
  if (freeBytes?.bytes.length === lengthBytes) return freeBytes;
  const { buffer } = new Uint8Array(lengthBytes);
  return (freeBytes = { bytes: Buffer.from(buffer), view: new DataView(buffer) });
}
