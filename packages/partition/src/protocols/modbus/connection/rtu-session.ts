// One TCP connection to a gateway that passes RTU frames on as they are: sends one request at a time, and finds its reply in what comes.
//
// RTU has no transaction ids, so a late reply looks like the reply to the next request. It promises: after a request that was given up,
// nothing is sent until the late reply has come and been dropped, or as long again has passed as the request had. Noise before and behind a
// reply, and replies of other unit ids, are dropped; after any byte that nobody asked for the line has to be silent before the next request.
//
// A reply with a wrong CRC has been sent, so another will not come by itself: the request is repeated, once. If that was a mistake, two replies
// come. So nothing is sent after a repeated request until its time-out has passed, whatever comes before.
//
// Some lines echo what is sent, and an echo may look like a reply. Leading bytes that are equal to the request are dropped, unless the first reply
// has come without them: then this line has no echo.

import type { Socket } from "node:net";

import { CRC_BYTES, echoBytes, findReply, RTU_HEADER_BYTES, sealRtu, type Finding } from "../framing/rtu.ts";
import { decodeResponse, encodeRequest, REQUEST_PDU_BYTES } from "../pdu.ts";
import { dial, type SocketEvents } from "./dial.ts";
import type { Answer, Requester } from "./exchange.ts";
import type { KnownDevice } from "./known-device.ts";
import type { LineSession, LineSessionEvents, LineSessionSettings, Pending } from "./line-session.ts";

const SILENCE_MS = 50;
/** Ten times the longest reply. */
const MOST_NOISE_BYTES = 2560;

const DATA: Answer = { kind: "data" };
const TIMEOUT: Answer = { kind: "timeout" };

interface Current {
  readonly request: Pending;
  readonly frame: Uint8Array;
  readonly timer: NodeJS.Timeout;
  /** Monotonic; undefined: it was sent once. */
  repeatedMs: number | undefined;
}

export class RtuSession implements LineSession {
  readonly device: KnownDevice;
  readonly pendingBytes = 0;
  readonly isAmbiguous = false;
  readonly #settings: LineSessionSettings;
  readonly #events: LineSessionEvents;
  readonly #socket: Socket;
  #openedAtMs = 0;
  #hasAnswered = false;
  #current: Current | undefined;
  /** The request that was given up last, until its late reply has come; undefined also when two may come. */
  #late: Current | undefined;
  /** No reply has shown yet that what is sent does not come back. */
  #mayEcho = true;
  #hasEchoed = false;
  /** Monotonic; nothing is sent before. */
  #quietUntilMs = -Infinity;
  /** What came since the last request was sent or given up. */
  readonly #bytes = new Uint8Array(MOST_NOISE_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  #lengthBytes = 0;
  #silence: NodeJS.Timeout | undefined;

  /** Begins to connect. Throws as `dial` does. */
  constructor(settings: LineSessionSettings, timeoutMs: number, device: KnownDevice, events: LineSessionEvents) {
    this.device = device;
    this.#settings = settings;
    this.#events = events;
    this.#socket = dial(settings.endpoint, timeoutMs, {
      opened: (...certificateEndsMs: Parameters<SocketEvents["opened"]>) => {
        this.#openedAtMs = performance.now();
        this.#quietUntilMs = this.#openedAtMs;
        events.opened(this, ...certificateEndsMs);
      },
      received: (chunk, lengthBytes) => this.#received(chunk, lengthBytes),
      lost: (failure) => events.lost(this, failure),
    });
  }

  get isReplaceable(): boolean {
    return this.#hasAnswered && this.#current?.request.wasLost !== true;
  }

  get outstanding(): number {
    return this.#current === undefined ? 0 : 1;
  }

  get isIdle(): boolean {
    return this.#current === undefined;
  }

  mustWait(): boolean {
    return false;
  }

  restMs({ pauseBetweenRequestsMs, pauseAfterConnectMs = 0 }: Requester): number {
    const restedMs = this.device.idleSinceMs + pauseBetweenRequestsMs;
    return Math.max(restedMs, this.#openedAtMs + pauseAfterConnectMs, this.#quietUntilMs) - performance.now();
  }

  /** Throws a RangeError for what may not be sent. */
  send(request: Pending): void {
    const frame = encode(request);
    request.sentMs = performance.now();
    this.device.askedSinceMs ??= request.sentMs;
    const timer = setTimeout(() => {
      // A process that was held up finds timers due before it has read what came meanwhile: let it read first.
      setImmediate(() => {
        if (this.#current === current) this.#timedOut(current);
      });
    }, request.requester.timeoutMs);
    const current: Current = { request, frame, timer, repeatedMs: undefined };
    this.#current = current;
    this.#late = undefined;
    this.#lengthBytes = 0;
    this.#transmit(frame);
  }

  /** The only place that sends. */
  #transmit(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  abandon(requester: Requester): readonly Pending[] {
    const current = this.#current;
    if (current?.request.requester !== requester) return [];
    this.#giveUp(current);
    return [current.request];
  }

  end(): readonly Pending[] {
    this.#socket.destroy();
    const request = this.#current?.request;
    this.#finish();
    return request === undefined ? [] : [request];
  }

  #finish(): void {
    clearTimeout(this.#current?.timer);
    clearTimeout(this.#silence);
    this.#current = undefined;
    this.#lengthBytes = 0;
    this.device.idleSinceMs = performance.now();
  }

  /** Its reply, or another, may still come. */
  #giveUp(current: Current): void {
    this.#finish();
    this.#late = current.repeatedMs === undefined ? current : undefined;
    this.#quietUntilMs = performance.now() + current.request.requester.timeoutMs;
  }

  #timedOut(current: Current): void {
    const { request } = current;
    const { unitId, requester } = request;
    const { timeoutMs } = requester;
    const { timeouts, askedSinceMs = 0 } = this.device;
    const ageMs = performance.now() - askedSinceMs;
    const { firstAnswer } = this.#settings;
    const isYoung = firstAnswer.mayStillCome(timeouts.inARow + 1, ageMs);
    if (timeouts.timedOut(unitId, isYoung, false)) {
      if (!timeouts.hasAnyAnswered) firstAnswer.didNotCome(ageMs);
      const others = timeouts.hasAnyAnswered ? "" : ", nor did any other since the connect";
      const because = `unit id ${unitId} did not answer within ${timeoutMs} ms${others}${this.#whatCame()}`;
      return this.#events.failed(this, { code: "Timeout", because });
    }
    this.#giveUp(current);
    request.resolve(TIMEOUT);
    this.#events.freed(this, [{ request }]);
  }

  #whatCame(): string {
    if (this.#lengthBytes === 0) return "";
    const isMbap = this.#lengthBytes >= 8 && this.#view.getUint16(2) === 0 && this.#view.getUint8(4) === 0;
    if (isMbap) return "; it answers in frames of Modbus TCP: remove <framing>rtu</framing>";
    return `; ${this.#lengthBytes} bytes came that are no RTU reply to it: check the line, its speed and its parity`;
  }

  #received({ buffer, byteOffset }: DataView, lengthBytes: number): void {
    if (this.#socket.destroyed) return;
    const roomBytes = this.#bytes.length - this.#lengthBytes;
    if (lengthBytes > roomBytes) {
      const because = `it floods the connection: more than ${MOST_NOISE_BYTES} bytes came that are no reply`;
      return this.#events.failed(this, { code: "ProtocolViolation", because });
    }
    this.#bytes.set(new Uint8Array(buffer, byteOffset, lengthBytes), this.#lengthBytes);
    this.#lengthBytes += lengthBytes;
    if (this.#current === undefined) this.#drain();
    else this.#look(this.#current);
  }

  /** Nobody waits for what came. */
  #drain(): void {
    const silentMs = performance.now() + SILENCE_MS;
    const isLateReply = this.#late !== undefined && this.#find(this.#late).kind === "reply";
    if (isLateReply) {
      this.#late = undefined;
      this.#lengthBytes = 0;
      this.#quietUntilMs = silentMs;
    } else this.#quietUntilMs = Math.max(this.#quietUntilMs, silentMs);
  }

  #look(current: Current): void {
    const { request } = current;
    clearTimeout(this.#silence);
    const found = this.#find(current);
    if (found.kind === "damaged" && current.repeatedMs === undefined) {
      this.#silence = setTimeout(() => this.#repeat(current), SILENCE_MS);
    }
    if (found.kind !== "reply") return;
    const response = decodeResponse(this.#view, found.pduOffset, found.pduEndOffset, request);
    if (response.kind === "malformed") return;
    const isNoisy = this.#lengthBytes > found.pduEndOffset + CRC_BYTES;
    this.#hasAnswered = true;
    this.device.timeouts.replied(request.unitId);
    let error: unknown;
    try {
      if (response.kind === "data") request.consume(this.#view, response.dataOffset);
    } catch (reason) {
      error = reason ?? new TypeError("the reply could not be taken");
    }
    if (found.pduOffset === RTU_HEADER_BYTES && !this.#hasEchoed) this.#mayEcho = false;
    this.#finish();
    const { repeatedMs = -Infinity } = current;
    const silentMs = isNoisy ? performance.now() + SILENCE_MS : -Infinity;
    this.#quietUntilMs = Math.max(silentMs, repeatedMs + request.requester.timeoutMs);
    if (error === undefined) request.resolve(response.kind === "data" ? DATA : response);
    else request.reject(error);
    this.#events.freed(this, [{ request }]);
  }

  /** The reply to a request in what has come, behind its echo. */
  #find({ request, frame }: Current): Finding {
    const echo = this.#mayEcho ? echoBytes(this.#view, this.#lengthBytes, frame) : 0;
    this.#hasEchoed ||= echo === frame.length;
    return findReply(this.#view, echo, this.#lengthBytes, request);
  }

  #repeat(current: Current): void {
    if (this.#current !== current) return;
    current.repeatedMs = performance.now();
    this.#lengthBytes = 0;
    this.#transmit(current.frame);
  }
}

function encode(request: Pending): Uint8Array {
  const frame = new Uint8Array(RTU_HEADER_BYTES + REQUEST_PDU_BYTES + CRC_BYTES);
  const view = new DataView(frame.buffer);
  encodeRequest(view, RTU_HEADER_BYTES, request);
  sealRtu(view, request.unitId, REQUEST_PDU_BYTES);
  return frame;
}
