// One TCP connection, plain or inside TLS, to one host and port, shared by every server and unit id of the configuration that lives there.
//
// It promises: one request outstanding at a time, silent unit ids last (many devices can do no more); every reply is
// checked against its request; any doubt about framing closes the connection, because after one wrong length all later
// borders are guesses. A reply that comes after its time-out is dropped by its transaction id and never taken for another's.
// It does not reconnect by itself, and it does not know what the data means.
//
// States: closed -> connecting -> open -> closed. Each open connection is a new `Session`, which owns all that must not
// survive it: socket, bytes not yet whole, transaction ids, who was silent.
//
// Nothing but the requests of pdu.ts is ever written to the socket, in one place (`#send`).

import type { Socket } from "node:net";

import { hostInUrl } from "../certificates/host-name.ts";
import { ServerError } from "../point/server-error.ts";
import { CertificateError } from "../certificates/certificate-file.ts";
import { dial, type Failure, type Line, type Place } from "./dial.ts";
import type { Answer, Consume, Requester } from "./exchange.ts";
import { FrameAssembler } from "./frame-assembler.ts";
import { encodeHeader, HEADER_BYTES, type Frame, type Malformed } from "./mbap-frame.ts";
import { decodeResponse, encodeRequest, REQUEST_PDU_BYTES, type ReadRange } from "./pdu.ts";
import { Silence } from "./silence.ts";
import { Transactions, type Transaction } from "./transactions.ts";
import { WaitingRequests } from "./waiting-requests.ts";

const DATA: Answer = { kind: "data" };
const TIMEOUT: Answer = { kind: "timeout" };

interface Pending extends Transaction {
  readonly requester: Requester;
  readonly consume: Consume;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/** All that ends with one TCP connection. */
interface Session {
  readonly socket: Socket;
  readonly frames: FrameAssembler;
  readonly transactions: Transactions;
  readonly silence: Silence;
}

type State =
  | { readonly kind: "closed"; readonly failure: Failure }
  /** `attempt` is settled, never rejected, when this state ends. */
  | { readonly kind: "connecting"; readonly session: Session; readonly attempt: PromiseWithResolvers<void> }
  | { readonly kind: "open"; readonly session: Session };

const NOT_CONNECTED: Failure = { code: "ConnectionFailed", because: "it is not connected" };
const STOPPED: Failure = { code: "Stopped", because: "it was told to stop" };

export class ModbusConnection {
  readonly place: Place;
  #certificateEndsMs: number | undefined;
  #ownCertificateEndsMs: number | undefined;
  #state: State = { kind: "closed", failure: NOT_CONNECTED };
  readonly #waiting = new WaitingRequests<Pending>();
  #outstanding: Pending | undefined;
  #outstandingId = 0;
  /** Of the outstanding request, while the bytes that came with it are being looked at. */
  #answer: Answer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;
  /** Monotonic; when the device became free. */
  #idleSinceMs = -Infinity;
  readonly #request = new Uint8Array(HEADER_BYTES + REQUEST_PDU_BYTES);

  constructor(place: Place) {
    this.place = place;
  }

  /** Wall clock, when the certificate that the device showed last expires; undefined when it showed none. */
  get certificateEndsMs(): number | undefined {
    return this.#certificateEndsMs;
  }

  /** The same of the certificate that we showed last. */
  get ownCertificateEndsMs(): number | undefined {
    return this.#ownCertificateEndsMs;
  }

  /** Identity of the TCP connection: another object after every reconnect; undefined when there is none. */
  get session(): object | undefined {
    return this.#state.kind === "open" ? this.#state.session : undefined;
  }

  /** Connects unless that is done or under way (then with the patience of whoever began it). Rejects with a ServerError. */
  async open(requester: Requester): Promise<void> {
    if (this.#state.kind === "open") return;
    if (this.#state.kind === "closed") this.#connect(requester.timeoutMs);
    if (this.#state.kind === "connecting") await this.#state.attempt.promise;
    if (this.#state.kind === "closed") throw this.#error(this.#state.failure, requester);
  }

  /** Throws the ServerError that tells why there is no connection (any more). */
  assertOpen(requester: Requester): void {
    if (this.#state.kind === "open") return;
    throw this.#error(this.#state.kind === "closed" ? this.#state.failure : NOT_CONNECTED, requester);
  }

  /**
   * Reads one range of one unit id. `consume` is called, before the promise resolves, when the answer is data.
   * Rejects with a ServerError when the connection is lost or closed, and with a RangeError for what may not be sent.
   */
  request(requester: Requester, unitId: number, range: ReadRange, consume: Consume): Promise<Answer> {
    const { functionCode, address, quantity } = range;
    return new Promise((resolve, reject) => {
      this.assertOpen(requester);
      this.#waiting.push({ requester, unitId, functionCode, address, quantity, consume, resolve, reject });
      this.#sendNext();
    });
  }

  /** Ends all requests of a requester with a ServerError "Stopped"; the others are not affected. */
  cancel(requester: Requester): void {
    for (const { reject } of this.#waiting.remove(requester)) reject(this.#error(STOPPED, requester));
    if (this.#outstanding?.requester === requester) this.#abandonOutstanding().reject(this.#error(STOPPED, requester));
    this.#sendNext();
  }

  /** Ends the TCP connection and all requests. */
  close(): void {
    this.#close(STOPPED);
  }

  #connect(timeoutMs: number): void {
    const attempt = Promise.withResolvers<void>();
    const line: Line = {
      opened: (certificateEndsMs, ownCertificateEndsMs) => {
        if (this.#isCurrent(session)) {
          this.#certificateEndsMs = certificateEndsMs;
          this.#ownCertificateEndsMs = ownCertificateEndsMs;
          this.#setState({ kind: "open", session });
        }
        attempt.resolve();
      },
      received: (chunk, lengthBytes) => this.#received(session, chunk, lengthBytes),
      lost: (failure) => {
        if (this.#isCurrent(session)) this.#close(lostInside(session.frames.pendingBytes, failure));
      },
    };
    const socket = this.#dial(timeoutMs, line);
    if (socket === undefined) return;
    const session: Session = {
      socket,
      frames: new FrameAssembler(),
      transactions: new Transactions(),
      silence: new Silence(),
    };
    this.#setState({ kind: "connecting", session, attempt });
  }

  /** Undefined, and the reason in the state, when there is no point in trying. */
  #dial(timeoutMs: number, line: Line): Socket | undefined {
    try {
      return dial(this.place, timeoutMs, line);
    } catch (error) {
      if (!(error instanceof CertificateError)) throw error;
      const failure: Failure = { code: "SecurityRefused", because: `of our own files: ${error.message}`, cause: error };
      this.#setState({ kind: "closed", failure });
      return undefined;
    }
  }

  /** An event of a TCP connection that we have let go of says nothing about the one that came after it. */
  #isCurrent(session: Session): boolean {
    return this.#state.kind !== "closed" && this.#state.session === session;
  }

  #setState(state: State): void {
    this.#state = state;
  }

  #close(failure: Failure): void {
    const before = this.#state;
    if (before.kind === "closed") return;
    this.#setState({ kind: "closed", failure });
    clearTimeout(this.#timer);
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = undefined;
    this.#idleSinceMs = -Infinity;
    before.session.socket.destroy();
    if (before.kind === "connecting") before.attempt.resolve();
    const pending = this.#outstanding === undefined ? [] : [this.#outstanding];
    pending.push(...this.#waiting.remove());
    this.#outstanding = undefined;
    this.#answer = undefined;
    for (const { requester, reject } of pending) reject(this.#error(failure, requester));
  }

  #sendNext(mayWaitInVain = false): void {
    if (this.#state.kind !== "open" || this.#outstanding !== undefined || this.#pauseTimer !== undefined) return;
    const { silence } = this.#state.session;
    const next = this.#waiting.next((unitId) => silence.isSilent(unitId));
    if (next === undefined) return;
    if (!mayWaitInVain && silence.isSilent(next.unitId)) {
      // Whoever has just got an answer may have another question, and asks it before the next turn of the event loop.
      setImmediate(() => this.#sendNext(true));
      return;
    }
    const { pauseBetweenRequestsMs } = next.requester;
    if (pauseBetweenRequestsMs > 0) {
      const restMs = this.#idleSinceMs + pauseBetweenRequestsMs - performance.now();
      if (restMs > 0) {
        this.#pauseTimer = setTimeout(() => {
          this.#pauseTimer = undefined;
          this.#sendNext();
        }, Math.ceil(restMs));
        return;
      }
    }
    this.#waiting.take(next);
    this.#send(this.#state.session, next);
  }

  #send(session: Session, pending: Pending): void {
    const { socket } = session;
    // The bytes are reused as soon as the socket has taken them; one that has not gets bytes of its own.
    const request = socket.writableLength === 0 ? this.#request : new Uint8Array(this.#request.length);
    const view = new DataView(request.buffer, request.byteOffset);
    try {
      encodeRequest(view, HEADER_BYTES, pending);
    } catch (error) {
      pending.reject(error);
      this.#sendNext();
      return;
    }
    this.#outstanding = pending;
    this.#outstandingId = session.transactions.nextId();
    encodeHeader(view, this.#outstandingId, pending.unitId, REQUEST_PDU_BYTES);
    this.#timer = setTimeout(() => {
      // A process that was held up finds timers due before it has read what came meanwhile: let it read first.
      setImmediate(() => {
        if (this.#outstanding === pending) this.#timedOut(session, pending);
      });
    }, pending.requester.timeoutMs);
    socket.write(request);
  }

  /** Stops waiting for the reply, which may still come. */
  #abandonOutstanding(): Pending {
    const pending = this.#outstanding;
    if (pending === undefined || this.#state.kind !== "open") {
      throw new RangeError("cannot abandon a request because none is outstanding");
    }
    this.#state.session.transactions.abandon(this.#outstandingId, pending);
    return this.#finishOutstanding();
  }

  #finishOutstanding(): Pending {
    const pending = this.#outstanding;
    if (pending === undefined) throw new RangeError("cannot finish a request because none is outstanding");
    clearTimeout(this.#timer);
    this.#outstanding = undefined;
    this.#answer = undefined;
    this.#idleSinceMs = performance.now();
    return pending;
  }

  #timedOut(session: Session, pending: Pending): void {
    const { timeoutMs } = pending.requester;
    const { pendingBytes } = session.frames;
    if (pendingBytes > 0) {
      this.#close({
        code: "ProtocolViolation",
        because: `a reply stopped after ${pendingBytes} bytes for ${timeoutMs} ms`,
      });
      return;
    }
    if (session.silence.timedOut(pending.unitId)) {
      this.#close({ code: "Timeout", because: `unit id ${pending.unitId} did not answer within ${timeoutMs} ms` });
      return;
    }
    this.#abandonOutstanding().resolve(TIMEOUT);
    this.#sendNext();
  }

  #received(session: Session, chunk: Uint8Array, lengthBytes: number): void {
    if (this.#state.kind !== "open" || this.#state.session !== session) return;
    const malformed = session.frames.push(chunk, lengthBytes, (bytes, frame) => {
      const wrong = this.#accept(session, bytes, frame);
      if (wrong !== undefined) this.#violated(wrong);
      return wrong === undefined;
    });
    const surplus = malformed ?? this.#surplus(session);
    if (surplus !== undefined) this.#violated(surplus);
    // Only now: what comes with a reply may show that its border was wrong, so that nothing of it can be relied on.
    const answer = this.#answer;
    if (answer !== undefined && this.#outstanding !== undefined) this.#finishOutstanding().resolve(answer);
    this.#sendNext();
  }

  /** Bytes that belong to no reply that could still come. */
  #surplus({ frames, transactions }: Session): Malformed | undefined {
    const isSomeReplyDue =
      (this.#outstanding !== undefined && this.#answer === undefined) || transactions.isAnyAbandoned;
    if (frames.pendingBytes === 0 || isSomeReplyDue) return undefined;
    return { kind: "malformed", field: "trailing bytes", expected: "0", actual: frames.pendingBytes };
  }

  #accept(session: Session, bytes: DataView, frame: Frame): Malformed | undefined {
    const pending = this.#answer === undefined ? this.#outstanding : undefined;
    const isExpected = pending !== undefined && frame.transactionId === this.#outstandingId;
    const transaction = isExpected ? pending : session.transactions.takeAbandoned(frame.transactionId);
    if (transaction === undefined) {
      const expected = pending === undefined ? "none (nothing was asked)" : String(this.#outstandingId);
      return { kind: "malformed", field: "transaction id", expected, actual: frame.transactionId };
    }
    if (frame.unitId !== transaction.unitId) {
      return { kind: "malformed", field: "unit id", expected: String(transaction.unitId), actual: frame.unitId };
    }
    const response = decodeResponse(bytes, frame.pduOffset, frame.pduEndOffset, transaction);
    if (response.kind === "malformed") return response;
    session.silence.replied(frame.unitId);
    if (!isExpected) return undefined;
    if (response.kind === "exception") {
      this.#answer = response;
      return undefined;
    }
    try {
      pending.consume(bytes, response.dataOffset);
      this.#answer = DATA;
    } catch (error) {
      this.#finishOutstanding().reject(error);
    }
    return undefined;
  }

  #violated({ field, actual, expected }: Malformed): void {
    this.#close({
      code: "ProtocolViolation",
      because: `a reply had ${field} ${actual} where ${expected} was due`,
    });
  }

  #error({ code, because, cause }: Failure, requester: Requester): ServerError {
    const message = `cannot read from ${hostInUrl(this.place.host)}:${this.place.port} because ${because}`;
    return new ServerError(code, requester.server, message, cause === undefined ? undefined : { cause });
  }
}

/** A stream that ends between two frames has ended; one that ends inside a frame has broken the protocol. */
function lostInside(pendingBytes: number, failure: Failure): Failure {
  if (pendingBytes === 0) return failure;
  return { code: "ProtocolViolation", because: `${failure.because}, ${pendingBytes} bytes into a reply` };
}
