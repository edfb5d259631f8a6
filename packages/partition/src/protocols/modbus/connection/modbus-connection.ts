// One TCP connection, plain or inside TLS, to one host and port, shared by every server and unit id of the configuration that lives there.
//
// It promises: one request outstanding at a time, silent unit ids last (many devices can do no more); every reply is
// checked against its request; any doubt about framing closes the connection, because after one wrong length all later
// borders are guesses. A reply that comes after its time-out is dropped by its transaction id and never taken for another's.
// It does not reconnect after a failure, and it does not know what the data means.
//
// States: closed -> connecting -> open -> closed. A device may close its connection whenever nothing is outstanding; that is no failure:
// the next request opens it again. A request that was under way just then is sent once more, since reading twice does no harm.
//
// Nothing but the requests of pdu.ts is ever written to the socket, in one place (`#send`).

import { hostInUrl } from "../../../certificates/host-name.ts";
import { ServerError } from "../../../sources/server-error.ts";
import { CertificateError } from "../../../certificates/certificate-file.ts";
import type { Failure, Place } from "./dial.ts";
import type { Answer, Consume, Requester } from "./exchange.ts";
import { encodeHeader, HEADER_BYTES, type Frame, type Malformed } from "../framing/mbap.ts";
import type { FirstAnswer } from "./first-answer.ts";
import { judgeReply, surplus, violation } from "./judge-reply.ts";
import { encodeRequest, REQUEST_PDU_BYTES, type ReadRange } from "../pdu.ts";
import { lostInside, openSession, restMs } from "./session.ts";
import type { Acquaintance, Pending, Session, SessionEvents, State } from "./session.ts";
import { WaitingRequests } from "./waiting-requests.ts";

const DATA: Answer = { kind: "data" };
const TIMEOUT: Answer = { kind: "timeout" };

const NOT_CONNECTED: Failure = { code: "ConnectionFailed", because: "it is not connected" };
const AS_CONFIGURED: Failure = { code: "ConnectionFailed", because: "each request has a connection of its own" };
const STOPPED: Failure = { code: "Stopped", because: "the client was stopped" };

export class ModbusConnection {
  readonly place: Place;
  #reopenings = 0;
  #certificateEndsMs: number | undefined;
  #ownCertificateEndsMs: number | undefined;
  #state: State = { kind: "closed", failure: NOT_CONNECTED };
  readonly #waiting = new WaitingRequests<Pending>();
  readonly #firstAnswer: FirstAnswer;
  #outstanding: Pending | undefined;
  #outstandingId = 0;
  /** Of the outstanding request, while the bytes that came with it are being looked at. */
  #answer: Answer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;
  /** Monotonic; when the device became free. */
  #idleSinceMs = -Infinity;
  readonly #request = new Uint8Array(HEADER_BYTES + REQUEST_PDU_BYTES);

  constructor(place: Place, firstAnswer: FirstAnswer) {
    this.place = place;
    this.#firstAnswer = firstAnswer;
  }

  /** Wall clock, when the certificate that the device showed last expires; undefined when it showed none. */
  get certificateEndsMs(): number | undefined {
    return this.#certificateEndsMs;
  }

  /** The same of the certificate that we showed last. */
  get ownCertificateEndsMs(): number | undefined {
    return this.#ownCertificateEndsMs;
  }

  /** How often the device has closed the connection between two requests, so that it was opened again. */
  get reopenings(): number {
    return this.#reopenings;
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** Identity of the device's session: another object after every failure; undefined when there is none. */
  get session(): object | undefined {
    return this.#acquaintance;
  }

  /** Nobody has answered yet in this session. */
  get isUnanswered(): boolean {
    return this.#acquaintance?.timeouts.hasAnyAnswered === false;
  }

  get #acquaintance(): Acquaintance | undefined {
    return this.#state.kind === "closed" ? this.#state.acquaintance : this.#state.session.acquaintance;
  }

  /** Connects unless that is done or under way (then with the patience of whoever began it). Rejects with a ServerError. */
  async open(requester: Requester): Promise<void> {
    if (this.#state.kind === "open") return;
    if (this.#state.kind === "closed") this.#connect(requester.timeoutMs);
    if (this.#state.kind === "connecting") await this.#state.attempt.promise;
    if (this.#state.kind === "closed") throw this.#error(this.#state.failure, requester);
  }

  /** Opens again what the device has closed between two requests. Rejects with the ServerError that tells why there is no connection. */
  async resume(requester: Requester): Promise<void> {
    this.#assertResumable(requester);
    await this.open(requester);
  }

  #assertResumable(requester: Requester): void {
    if (this.#state.kind === "closed" && this.#acquaintance === undefined) {
      throw this.#error(this.#state.failure, requester);
    }
  }

  /**
   * Reads one range of one unit id. `consume` is called, before the promise resolves, when the answer is data.
   * Rejects with a ServerError when the connection is lost or closed, and with a RangeError for what may not be sent.
   */
  request(requester: Requester, unitId: number, range: ReadRange, consume: Consume): Promise<Answer> {
    const { functionCode, address, quantity } = range;
    return new Promise((resolve, reject) => {
      const { kind } = this.#state;
      if (kind === "closed") this.#assertResumable(requester);
      const callbacks = { consume, resolve, reject };
      this.#waiting.push({ requester, unitId, functionCode, address, quantity, ...callbacks, wasLost: false });
      if (kind === "closed") this.#connect(requester.timeoutMs);
      else this.#sendNext();
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
    const events: SessionEvents = {
      opened: (session, certificateEndsMs, ownCertificateEndsMs) => {
        if (this.#isCurrent(session)) {
          this.#certificateEndsMs = certificateEndsMs;
          this.#ownCertificateEndsMs = ownCertificateEndsMs;
          this.#state = { kind: "open", session };
        }
        attempt.resolve();
        this.#sendNext();
      },
      received: (session, chunk, lengthBytes) => this.#received(session, chunk, lengthBytes),
      lost: (session, failure) => {
        if (this.#isCurrent(session)) this.#lost(session, failure);
      },
    };
    try {
      const session = openSession(this.place, timeoutMs, this.#acquaintance, events);
      this.#state = { kind: "connecting", session, attempt };
    } catch (error) {
      // There is no point in trying.
      if (!(error instanceof CertificateError)) throw error;
      const failure: Failure = { code: "SecurityRefused", because: `of our own files: ${error.message}`, cause: error };
      this.#state = { kind: "closed", failure };
      this.#rejectAll(failure);
    }
  }

  /** An event of a TCP connection that we have let go of says nothing about the one that came after it. */
  #isCurrent(session: Session): boolean {
    return this.#state.kind !== "closed" && this.#state.session === session;
  }

  /** The peer ended the connection, or the network did. */
  #lost(session: Session, failure: Failure): void {
    const { pendingBytes } = session.frames;
    const isFailure = pendingBytes > 0 || failure.code !== "ConnectionFailed" || this.#outstanding?.wasLost === true;
    // One that has answered nothing before it closes would be opened again and again.
    if (isFailure || !session.hasAnswered) this.#close(lostInside(pendingBytes, failure));
    else {
      this.#reopenings++;
      this.#replace(session, failure);
    }
  }

  /** Ends this TCP connection. The next request gets another one, at once if it is here already. */
  #replace({ socket, acquaintance }: Session, failure: Failure): void {
    const lost = this.#outstanding;
    if (lost !== undefined) {
      this.#finishOutstanding();
      this.#waiting.putBack(Object.assign(lost, { wasLost: true }));
    }
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = undefined;
    this.#state = { kind: "closed", failure, acquaintance };
    socket.destroy();
    const next = this.#waiting.next(() => false);
    if (next !== undefined) this.#connect(next.requester.timeoutMs);
  }

  #close(failure: Failure): void {
    const before = this.#state;
    if (before.kind === "closed" && before.acquaintance === undefined) return;
    this.#state = { kind: "closed", failure };
    if (before.kind === "closed") return;
    clearTimeout(this.#timer);
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = undefined;
    this.#idleSinceMs = -Infinity;
    before.session.socket.destroy();
    if (before.kind === "connecting") before.attempt.resolve();
    this.#rejectAll(failure);
  }

  #rejectAll(failure: Failure): void {
    const pending = this.#outstanding === undefined ? [] : [this.#outstanding];
    pending.push(...this.#waiting.remove());
    this.#outstanding = undefined;
    this.#answer = undefined;
    for (const { requester, reject } of pending) reject(this.#error(failure, requester));
  }

  #sendNext(mayWaitInVain = false): void {
    if (this.#state.kind !== "open" || this.#outstanding !== undefined || this.#pauseTimer !== undefined) return;
    const { session } = this.#state;
    const { timeouts } = session.acquaintance;
    const next = this.#waiting.next((unitId) => timeouts.isSilent(unitId));
    if (next === undefined) return;
    if (!mayWaitInVain && timeouts.isSilent(next.unitId)) {
      // Whoever has just got an answer may have another question, and asks it before the next turn of the event loop.
      setImmediate(() => this.#sendNext(true));
      return;
    }
    const waitMs = restMs(session, this.#idleSinceMs, next.requester);
    if (waitMs > 0) {
      this.#pauseTimer = setTimeout(() => {
        this.#pauseTimer = undefined;
        this.#sendNext();
      }, Math.ceil(waitMs));
      return;
    }
    this.#waiting.take(next);
    this.#send(session, next);
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
    session.acquaintance.askedSinceMs ??= performance.now();
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
    const pending = this.#finishOutstanding();
    if (this.#state.kind === "open") this.#state.session.transactions.abandon(this.#outstandingId, pending);
    return pending;
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
      const because = `a reply stopped after ${pendingBytes} bytes for ${timeoutMs} ms`;
      return this.#close({ code: "ProtocolViolation", because });
    }
    const { timeouts, askedSinceMs = 0 } = session.acquaintance;
    const ageMs = performance.now() - askedSinceMs;
    const isYoung = this.#firstAnswer.mayStillCome(timeouts.inARow + 1, ageMs);
    if (timeouts.timedOut(pending.unitId, isYoung)) {
      if (!timeouts.hasAnyAnswered) this.#firstAnswer.didNotCome(ageMs);
      const others = timeouts.hasAnyAnswered ? "" : ", nor did any other since the connect";
      const because = `unit id ${pending.unitId} did not answer within ${timeoutMs} ms${others}`;
      return this.#close({ code: "Timeout", because });
    }
    this.#abandonOutstanding().resolve(TIMEOUT);
    this.#answered(session, pending.requester);
  }

  /** A request has ended, with or without an answer. */
  #answered(session: Session, { connectsPerRequest = false }: Requester): void {
    if (connectsPerRequest && this.#isCurrent(session)) this.#replace(session, AS_CONFIGURED);
    else this.#sendNext();
  }

  #received(session: Session, chunk: Uint8Array, lengthBytes: number): void {
    if (this.#state.kind !== "open" || this.#state.session !== session) return;
    let wrong: Malformed | undefined;
    const malformed = session.frames.push(chunk, lengthBytes, (bytes, frame) => {
      wrong = this.#accept(session, bytes, frame);
      return wrong === undefined;
    });
    const isReplyDue = this.#outstanding !== undefined && this.#answer === undefined;
    wrong ??= malformed ?? surplus(session, isReplyDue);
    if (wrong !== undefined) return this.#close(violation(wrong, this.#outstanding));
    // Only now: what comes with a reply may show that its border was wrong, so that nothing of it can be relied on.
    const answer = this.#answer;
    if (answer === undefined || this.#outstanding === undefined) return this.#sendNext();
    const { resolve, requester } = this.#finishOutstanding();
    resolve(answer);
    this.#answered(session, requester);
  }

  #accept(session: Session, bytes: DataView, frame: Frame): Malformed | undefined {
    const pending = this.#answer === undefined ? this.#outstanding : undefined;
    const due = pending === undefined ? undefined : { transaction: pending, id: this.#outstandingId };
    const reply = judgeReply(session, due, bytes, frame);
    if (reply.kind === "malformed") return reply;
    session.hasAnswered = true;
    if (reply.kind === "exception") this.#answer = reply;
    if (reply.kind !== "data" || pending === undefined) return undefined;
    try {
      pending.consume(bytes, reply.dataOffset);
      this.#answer = DATA;
    } catch (error) {
      this.#finishOutstanding().reject(error);
    }
    return undefined;
  }

  #error({ code, because, cause }: Failure, requester: Requester): ServerError {
    const message = `cannot read from ${hostInUrl(this.place.host)}:${this.place.port} because ${because}`;
    return new ServerError(code, requester.server, message, cause === undefined ? undefined : { cause });
  }
}
