// One TCP connection to one host and port, shared by every server and unit id of the configuration that lives there.
//
// It promises: one request outstanding at a time, first come first served (many devices can do no more); every reply is
// checked against its request; any doubt about framing closes the connection, because after one wrong length all later
// borders are guesses. A reply that comes after its time-out is dropped by its transaction id and never taken for another's.
// It does not reconnect by itself, and it does not know what the data means.
//
// States: closed -> connecting -> open -> closed. Each open connection is a new `Session`, which owns all that must not
// survive it: socket, bytes not yet whole, transaction ids, who was silent.
//
// Nothing but the requests of pdu.ts is ever written to the socket, in one place (`#send`).

import { connect, type Socket } from "node:net";

import { ServerError, type ServerErrorCode } from "../point/server-error.ts";
import { FrameAssembler } from "./frame-assembler.ts";
import { encodeHeader, HEADER_BYTES, type Frame, type Malformed } from "./mbap-frame.ts";
import { decodeResponse, encodeRequest, REQUEST_PDU_BYTES, type ReadRange } from "./pdu.ts";
import { Silence } from "./silence.ts";
import { Transactions, type Transaction } from "./transactions.ts";

/** Who asks, and how patiently. */
export interface Requester {
  /** Alias of the server in the configuration, for errors. */
  readonly server: string;
  readonly timeoutMs: number;
  /** Rest of the device before each request of this requester. */
  readonly pauseBetweenRequestsMs: number;
}

/** How a request ended on a connection that is still sound. */
export type Answer =
  | { readonly kind: "data" }
  | { readonly kind: "exception"; readonly code: number }
  /** This unit id did not answer in time. */
  | { readonly kind: "timeout" };

/** Takes the data of a response out of the view, which is valid during the call only. */
export type Consume = (bytes: DataView, dataOffset: number) => void;

const DATA: Answer = { kind: "data" };
const TIMEOUT: Answer = { kind: "timeout" };
const KEEP_ALIVE_AFTER_MS = 10_000;
/** One read of the socket; a device answers one request at a time, so two frames are plenty. */
const READ_BYTES = 1024;

interface Pending extends Transaction {
  readonly requester: Requester;
  readonly consume: Consume;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/** All that ends with one TCP connection. */
class Session {
  readonly socket: Socket;
  readonly frames = new FrameAssembler();
  readonly transactions = new Transactions();
  readonly silence = new Silence();

  constructor(socket: Socket) {
    this.socket = socket;
  }
}

interface Failure {
  readonly code: ServerErrorCode;
  readonly message: string;
  readonly cause?: unknown;
}

type State =
  | { readonly kind: "closed"; readonly failure: Failure }
  | { readonly kind: "connecting"; readonly socket: Socket; readonly attempt: Promise<void> }
  | { readonly kind: "open"; readonly session: Session };

export class ModbusConnection {
  readonly host: string;
  readonly port: number;
  #state: State;
  readonly #waiting: Pending[] = [];
  #outstanding: Pending | undefined;
  #outstandingId = 0;
  #timer: NodeJS.Timeout | undefined;
  #pauseTimer: NodeJS.Timeout | undefined;
  /** Monotonic; when the device became free. */
  #idleSinceMs = -Infinity;
  readonly #request = new Uint8Array(HEADER_BYTES + REQUEST_PDU_BYTES);

  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
    this.#state = { kind: "closed", failure: this.#failure("ConnectionFailed", "it is not connected") };
  }

  /** Identity of the TCP connection: another object after every reconnect; undefined when there is none. */
  get session(): object | undefined {
    return this.#state.kind === "open" ? this.#state.session : undefined;
  }

  /** Connects unless that is done or under way. Rejects with a ServerError. */
  async open(requester: Requester): Promise<void> {
    if (this.#state.kind === "open") return;
    if (this.#state.kind === "closed") this.#connect(requester.timeoutMs);
    if (this.#state.kind === "connecting") await this.#state.attempt;
    if (this.#state.kind === "closed") throw toError(this.#state.failure, requester);
  }

  /**
   * Reads one range of one unit id. `consume` is called, before the promise resolves, when the answer is data.
   * Rejects with a ServerError when the connection is lost or closed, and with a RangeError for what may not be sent.
   */
  request(requester: Requester, unitId: number, range: ReadRange, consume: Consume): Promise<Answer> {
    const { functionCode, address, quantity } = range;
    return new Promise((resolve, reject) => {
      if (this.#state.kind !== "open") {
        const failure =
          this.#state.kind === "closed"
            ? this.#state.failure
            : this.#failure("ConnectionFailed", "it is not connected");
        reject(toError(failure, requester));
        return;
      }
      this.#waiting.push({ requester, unitId, functionCode, address, quantity, consume, resolve, reject });
      this.#sendNext();
    });
  }

  /** Ends all requests of a requester with a ServerError "Stopped"; the others are not affected. */
  cancel(requester: Requester): void {
    const stopped = this.#failure("Stopped", "it was told to stop");
    for (let index = this.#waiting.length - 1; index >= 0; index--) {
      const pending = this.#waiting[index];
      if (pending?.requester !== requester) continue;
      this.#waiting.splice(index, 1);
      pending.reject(toError(stopped, requester));
    }
    if (this.#outstanding?.requester === requester) this.#abandonOutstanding().reject(toError(stopped, requester));
    this.#sendNext();
  }

  /** Ends the TCP connection and all requests. */
  close(): void {
    this.#close(this.#failure("Stopped", "the connection was closed"));
  }

  #connect(timeoutMs: number): void {
    const chunk = new Uint8Array(READ_BYTES);
    let session: Session | undefined;
    const socket = connect({
      host: this.host,
      port: this.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
      onread: {
        buffer: chunk,
        callback: (lengthBytes) => {
          if (session !== undefined) this.#received(session, chunk, lengthBytes);
          return true;
        },
      },
    });
    // An event of a socket that we have let go of says nothing about the one that came after it.
    const lost = (failure: Failure): void => {
      const current = this.#state.kind === "open" ? this.#state.session.socket : undefined;
      const attempted = this.#state.kind === "connecting" ? this.#state.socket : undefined;
      if (socket === current || socket === attempted) this.#close(failure);
      else socket.destroy();
    };
    const attempt = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        lost(this.#failure("Timeout", `there was no connection within ${timeoutMs} ms`));
      }, timeoutMs);
      socket.once("connect", () => {
        clearTimeout(timer);
        if (this.#state.kind !== "connecting" || this.#state.socket !== socket) return;
        session = new Session(socket);
        this.#setState({ kind: "open", session });
        resolve();
      });
      socket.once("close", () => {
        clearTimeout(timer);
        lost(this.#failure("ConnectionFailed", "the connection was closed"));
        resolve();
      });
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      lost(this.#failure("ConnectionFailed", error.code ?? error.message, error));
    });
    socket.once("end", () => {
      const pendingBytes = session?.frames.pendingBytes ?? 0;
      if (pendingBytes === 0) lost(this.#failure("ConnectionFailed", "the device closed the connection"));
      else
        lost(this.#failure("ProtocolViolation", `the device closed the connection ${pendingBytes} bytes into a reply`));
    });
    this.#setState({ kind: "connecting", socket, attempt });
  }

  #setState(state: State): void {
    this.#state = state;
  }

  #close(failure: Failure): void {
    const state = this.#state;
    if (state.kind === "closed") return;
    this.#setState({ kind: "closed", failure });
    clearTimeout(this.#timer);
    clearTimeout(this.#pauseTimer);
    this.#pauseTimer = undefined;
    this.#idleSinceMs = -Infinity;
    (state.kind === "open" ? state.session.socket : state.socket).destroy();
    const pending = this.#outstanding === undefined ? [] : [this.#outstanding];
    pending.push(...this.#waiting.splice(0));
    this.#outstanding = undefined;
    for (const { requester, reject } of pending) reject(toError(failure, requester));
  }

  #sendNext(): void {
    if (this.#state.kind !== "open" || this.#outstanding !== undefined || this.#pauseTimer !== undefined) return;
    const next = this.#waiting[0];
    if (next === undefined) return;
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
    this.#waiting.shift();
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
    if (pending === undefined || this.#state.kind !== "open")
      throw new RangeError("cannot abandon a request that is not");
    this.#state.session.transactions.abandon(this.#outstandingId, pending);
    this.#finishOutstanding();
    return pending;
  }

  #finishOutstanding(): void {
    clearTimeout(this.#timer);
    this.#outstanding = undefined;
    this.#idleSinceMs = performance.now();
  }

  #timedOut(session: Session, pending: Pending): void {
    const { timeoutMs } = pending.requester;
    const { pendingBytes } = session.frames;
    if (pendingBytes > 0) {
      this.#close(
        this.#failure("ProtocolViolation", `a reply stopped after ${pendingBytes} bytes for ${timeoutMs} ms`),
      );
      return;
    }
    if (session.silence.timedOut(pending.unitId)) {
      this.#close(this.#failure("Timeout", `unit id ${pending.unitId} did not answer within ${timeoutMs} ms`));
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
    if (malformed !== undefined) this.#violated(malformed);
    // Only now: a second frame in the same piece must not meet a request that was sent because of the first.
    this.#sendNext();
  }

  #accept(session: Session, bytes: DataView, frame: Frame): Malformed | undefined {
    const pending = this.#outstanding;
    const isExpected = pending !== undefined && frame.transactionId === this.#outstandingId;
    const transaction = isExpected ? pending : session.transactions.takeAbandoned(frame.transactionId);
    if (transaction === undefined) {
      const expected = pending === undefined ? "none, nothing was asked" : String(this.#outstandingId);
      return { kind: "malformed", field: "transaction id", expected, actual: frame.transactionId };
    }
    if (frame.unitId !== transaction.unitId) {
      return { kind: "malformed", field: "unit id", expected: String(transaction.unitId), actual: frame.unitId };
    }
    const response = decodeResponse(bytes, frame.pduOffset, frame.pduEndOffset, transaction);
    if (response.kind === "malformed") return response;
    session.silence.replied(frame.unitId);
    if (!isExpected) return undefined;
    this.#finishOutstanding();
    if (response.kind === "exception") {
      pending.resolve(response);
      return undefined;
    }
    try {
      pending.consume(bytes, response.dataOffset);
      pending.resolve(DATA);
    } catch (error) {
      pending.reject(error);
    }
    return undefined;
  }

  #violated(wrong: Malformed): void {
    const said = `a reply had ${wrong.field} ${wrong.actual} where ${wrong.expected} was due`;
    this.#close(this.#failure("ProtocolViolation", said));
  }

  #failure(code: ServerErrorCode, because: string, cause?: unknown): Failure {
    return { code, message: `cannot read from ${this.host}:${this.port} because ${because}`, cause };
  }
}

function toError(failure: Failure, requester: Requester): ServerError {
  const options = failure.cause === undefined ? undefined : { cause: failure.cause };
  return new ServerError(failure.code, requester.server, failure.message, options);
}
