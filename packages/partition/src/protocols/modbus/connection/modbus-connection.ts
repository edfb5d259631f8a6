// The way to one host and port, plain or inside TLS, shared by every server and unit id of the configuration that lives there.
//
// It promises: so many requests outstanding at a time as the device can bear, silent unit ids last; every reply is
// checked against its request; any doubt about framing closes the connection, because after one wrong length all later
// borders are guesses. A reply that comes after its time-out is dropped by its transaction id and never taken for another's;
// RTU has none (rtu-session.ts).
// It does not reconnect after a failure, and it does not know what the data means.
//
// States: closed -> connecting -> open -> closed. A device may close its connection whenever nothing is outstanding; that is no failure:
// the next request opens it again. A request that was under way just then is sent once more, since reading twice does no harm.

import { hostInUrl } from "../../../certificates/host-name.ts";
import type { Tolerance } from "../configuration/modbus-server.ts";
import { ServerError } from "../../../sources/server-error.ts";
import { CertificateError } from "../../../certificates/certificate-file.ts";
import type { Framing } from "../framing/framing.ts";
import { mbap } from "../framing/mbap.ts";
import { rtu } from "../framing/rtu.ts";
import type { ReadRange } from "../pdu.ts";
import type { Endpoint, Failure } from "./dial.ts";
import { BearableWindow } from "./bearable-window.ts";
import type { Answer, CertainAnswer, Consume, IsNeedless, Requester } from "./exchange.ts";
import type { FirstAnswer } from "./first-answer.ts";
import { KnownDevice } from "./known-device.ts";
import { PollCalendar } from "./poll-calendar.ts";
import type { LineSession, LineSessionEvents, Pending } from "./line-session.ts";
import { RtuSession } from "./rtu-session.ts";
import { TcpSession } from "./tcp-session.ts";
import { WaitingRequests } from "./waiting-requests.ts";

/** What an endpoint speaks, and how many requests may be outstanding there at a time. */
export interface LineSettings {
  readonly framing: Framing | typeof rtu;
  readonly windowSize: number;
  /** Default: nothing. */
  readonly tolerates?: readonly Tolerance[];
}

/** Many devices can do no more than one request at a time. */
export const oneByOne: LineSettings = { framing: mbap, windowSize: 1 };

const SKIPPED: Answer = { kind: "skipped" };

const AMBIGUOUS: Failure = { code: "ConnectionFailed", because: "a late reply would look like the next one" };
const NOT_CONNECTED: Failure = { code: "ConnectionFailed", because: "it is not connected" };
const AS_CONFIGURED: Failure = { code: "ConnectionFailed", because: "each request has a connection of its own" };
const STOPPED: Failure = { code: "Stopped", because: "the client was stopped" };

type State =
  /** With a device it was no failure: the next request opens it again. */
  | { readonly kind: "closed"; readonly failure: Failure; readonly device?: KnownDevice }
  /** `attempt` is settled, never rejected, when this state ends. */
  | { readonly kind: "connecting"; readonly session: LineSession; readonly attempt: PromiseWithResolvers<void> }
  /** `pause`: the device rests before the next request. */
  | { readonly kind: "open"; readonly session: LineSession; pause?: NodeJS.Timeout | undefined };

/** Wall clock, when the certificate that the device showed last expires, and the one that we showed; undefined: it showed none. */
interface CertificateEnds {
  readonly deviceMs: number | undefined;
  readonly ownMs: number | undefined;
}

export class ModbusConnection {
  readonly endpoint: Endpoint;
  readonly #firstAnswer: FirstAnswer;
  readonly settings: LineSettings;
  readonly #bearableWindow: BearableWindow;
  readonly #waiting = new WaitingRequests<Pending>();
  readonly #calendar = new PollCalendar();
  /** Ends the time for which a request is held back. */
  #hold: NodeJS.Timeout | undefined;
  #state: State = { kind: "closed", failure: NOT_CONNECTED };
  #certificateEnds: CertificateEnds = { deviceMs: undefined, ownMs: undefined };
  #reopenings = 0;

  constructor(endpoint: Endpoint, firstAnswer: FirstAnswer, settings: LineSettings = oneByOne) {
    this.endpoint = endpoint;
    this.#firstAnswer = firstAnswer;
    this.settings = settings;
    this.#bearableWindow = new BearableWindow(settings.windowSize);
  }

  get certificateEnds(): CertificateEnds {
    return this.#certificateEnds;
  }

  /** How often the device has closed the connection between two requests, so that it was opened again. */
  get reopenings(): number {
    return this.#reopenings;
  }

  /** How often the device has lost a request because others were outstanding. */
  get crowdedOut(): number {
    return this.#bearableWindow.losses;
  }

  get isOpen(): boolean {
    return this.#state.kind === "open";
  }

  /** What is known of the device: another object after every failure; undefined when there is no connection. */
  get device(): KnownDevice | undefined {
    return this.#state.kind === "closed" ? this.#state.device : this.#state.session.device;
  }

  /** Nobody has answered since the last failure. */
  get isUnanswered(): boolean {
    return this.device?.timeouts.hasAnyAnswered === false;
  }

  /**
   * Connects unless that is done or under way (then with the patience of whoever began it). Rejects with a ServerError, also when the signal
   * aborts: others may still wait for the connection.
   */
  async open(requester: Requester, signal?: AbortSignal): Promise<void> {
    if (this.#state.kind === "open") return;
    if (this.#state.kind === "closed") this.#connect(requester.timeoutMs);
    if (this.#state.kind === "connecting") await unlessAborted(this.#state.attempt.promise, signal);
    if (signal?.aborted === true) throw this.#error(STOPPED, requester);
    if (this.#state.kind === "closed") throw this.#error(this.#state.failure, requester);
  }

  /** Opens again what the device has closed between two requests. Rejects with the ServerError that tells why there is no connection. */
  async resume(requester: Requester, signal?: AbortSignal): Promise<void> {
    this.#assertResumable(requester);
    await this.open(requester, signal);
  }

  #assertResumable(requester: Requester): void {
    if (this.#state.kind === "closed" && this.#state.device === undefined) {
      throw this.#error(this.#state.failure, requester);
    }
  }

  /** The next requests of this requester are those of a poll that begins now. */
  beginPoll(requester: Requester): void {
    this.#calendar.begins(requester, performance.now());
  }

  /**
   * Reads one range of one unit id. `consume` is called, before the promise resolves, when the answer is data. `isNeedless` is asked when its
   * turn comes; one that is needless then is skipped.
   * Rejects with a ServerError when the connection is lost or closed, and with a RangeError for what may not be sent.
   */
  request(requester: Requester, unitId: number, range: ReadRange, consume: Consume): Promise<CertainAnswer>;
  request(
    requester: Requester,
    unitId: number,
    range: ReadRange,
    consume: Consume,
    isNeedless: IsNeedless | undefined,
  ): Promise<Answer>;
  request(
    requester: Requester,
    unitId: number,
    range: ReadRange,
    consume: Consume,
    isNeedless?: IsNeedless,
  ): Promise<Answer> {
    const { functionCode, address, quantity } = range;
    return new Promise((resolve, reject) => {
      this.#assertResumable(requester);
      this.#waiting.push({
        requester,
        unitId,
        functionCode,
        address,
        quantity,
        consume,
        isNeedless,
        resolve,
        reject,
        dueMs: this.#calendar.dueMs(requester),
        sentMs: 0,
        wasLost: false,
        wasCrowdedOut: false,
      });
      if (this.#state.kind === "closed") this.#connect(requester.timeoutMs);
      else this.#sendNext();
    });
  }

  /** Ends all requests of a requester with a ServerError "Stopped"; the others are not affected. */
  cancel(requester: Requester): void {
    this.#calendar.leaves(requester);
    const outstanding = this.#state.kind === "open" ? this.#state.session.abandon(requester) : [];
    this.#reject([...this.#waiting.remove(requester), ...outstanding], STOPPED);
    this.#sendNext();
  }

  /** Ends the TCP connection and all requests. */
  close(): void {
    this.#close(STOPPED);
  }

  /** A state ends here and nowhere else, and with it what belongs to it. The result is what was outstanding on a connection that ends. */
  #setState(next: State): readonly Pending[] {
    const before = this.#state;
    this.#state = next;
    if (before.kind === "open") clearTimeout(before.pause);
    clearTimeout(this.#hold);
    if (before.kind === "connecting") before.attempt.resolve();
    return before.kind !== "closed" && next.kind === "closed" ? before.session.end() : [];
  }

  readonly #events: LineSessionEvents = {
    opened: (session, deviceMs, ownMs) => {
      if (!this.#isCurrent(session)) return;
      this.#certificateEnds = { deviceMs, ownMs };
      this.#setState({ kind: "open", session });
      this.#sendNext();
    },
    lost: (session, failure) => {
      if (this.#isCurrent(session)) this.#lost(session, failure);
    },
    failed: (session, failure) => {
      if (this.#isCurrent(session)) this.#close(failure);
    },
    freed: (session, ended) => {
      const nowMs = performance.now();
      let endedDueMs = Infinity;
      let isLast = false;
      for (const { request } of ended) {
        this.#calendar.answered(nowMs - request.sentMs);
        endedDueMs = Math.min(endedDueMs, request.dueMs);
        isLast ||= request.requester.connectsPerRequest === true;
      }
      if (isLast && session.isIdle && this.#isCurrent(session)) this.#replace(session, AS_CONFIGURED);
      else this.#sendNext(endedDueMs);
    },
    crowdedOut: (session, request) => {
      if (!this.#isCurrent(session)) return;
      this.#bearableWindow.lost(performance.now());
      this.#waiting.putBack(Object.assign(request, { wasCrowdedOut: true }));
      this.#sendNext();
    },
  };

  readonly #isSilent = (unitId: number): boolean => this.device?.timeouts.isSilent(unitId) === true;

  readonly #mustWait = (unitId: number): boolean => this.#state.kind === "open" && this.#state.session.mustWait(unitId);

  #connect(timeoutMs: number): void {
    const settings = { endpoint: this.endpoint, firstAnswer: this.#firstAnswer };
    const device = this.device ?? new KnownDevice();
    const { framing, tolerates = [] } = this.settings;
    try {
      const session =
        framing.name === "rtu"
          ? new RtuSession(settings, timeoutMs, device, this.#events)
          : new TcpSession({ ...settings, framing, tolerates }, timeoutMs, device, this.#events);
      this.#setState({ kind: "connecting", session, attempt: Promise.withResolvers<void>() });
    } catch (error) {
      // There is no point in trying.
      if (!(error instanceof CertificateError)) throw error;
      const failure: Failure = { code: "SecurityRefused", because: `of our own files: ${error.message}`, cause: error };
      this.#setState({ kind: "closed", failure });
      this.#reject(this.#waiting.remove(), failure);
    }
  }

  /** An event of a TCP connection that we have let go of says nothing about the one that came after it. */
  #isCurrent(session: LineSession): boolean {
    return this.#state.kind !== "closed" && this.#state.session === session;
  }

  #lost(session: LineSession, failure: Failure): void {
    // One that has answered nothing before it closes would be opened again and again.
    if (failure.code !== "ConnectionFailed" || !session.isReplaceable) {
      this.#close(lostInside(session.pendingBytes, failure));
    } else {
      this.#reopenings++;
      this.#replace(session, failure);
    }
  }

  /** Ends this TCP connection. The next request gets another one, at once if it is here already. */
  #replace({ device }: LineSession, failure: Failure): void {
    const lost = this.#setState({ kind: "closed", failure, device });
    const wasAlone = lost.length === 1;
    // It may have room for one answer only.
    if (lost.length > 1) this.#bearableWindow.lost(performance.now());
    for (const pending of lost.toReversed()) this.#waiting.putBack(Object.assign(pending, { wasLost: wasAlone }));
    const next = this.#waiting.next(() => false);
    if (next !== undefined) this.#connect(next.requester.timeoutMs);
  }

  #close(failure: Failure): void {
    if (this.#state.kind === "closed" && this.#state.device === undefined) return;
    const outstanding = this.#setState({ kind: "closed", failure });
    this.#reject([...outstanding, ...this.#waiting.remove()], failure);
  }

  #reject(requests: readonly Pending[], failure: Failure): void {
    for (const { requester, reject } of requests) reject(this.#error(failure, requester));
  }

  /**
   * `endedDueMs`: of a request that has just ended. Whoever has just got an answer may have another question, and asks it before the next turn of
   * the event loop (`isLater`): till then a silent unit id and a poll that has more time wait.
   */
  #sendNext(endedDueMs = Infinity, isLater = false): void {
    const state = this.#state;
    clearTimeout(this.#hold);
    if (state.kind !== "open" || state.pause !== undefined) return;
    const { session } = state;
    if (session.isIdle && session.isAmbiguous) return this.#replace(session, AMBIGUOUS);
    const { timeouts } = session.device;
    if (this.#waiting.isEmpty) return;
    const most = this.settings.windowSize === 1 ? 1 : this.#bearableWindow.at(performance.now());
    while (session.outstanding < most) {
      const next = this.#waiting.next(this.#isSilent, this.#mustWait);
      if (next === undefined) return;
      if (next.isNeedless?.() === true) {
        this.#waiting.take(next);
        next.resolve(SKIPPED);
        continue;
      }
      if (!isLater && (timeouts.isSilent(next.unitId) || next.dueMs > endedDueMs)) {
        setImmediate(() => this.#sendNext(Infinity, true));
        return;
      }
      const holdMs = this.#calendar.holdMs(next.requester, performance.now());
      if (holdMs > 0) {
        this.#hold = setTimeout(() => this.#sendNext(), Math.ceil(holdMs));
        return;
      }
      const waitMs = session.restMs(next.requester);
      if (waitMs > 0) {
        state.pause = setTimeout(() => {
          state.pause = undefined;
          this.#sendNext();
        }, Math.ceil(waitMs));
        return;
      }
      this.#waiting.take(next);
      try {
        session.send(next);
      } catch (error) {
        next.reject(error);
      }
    }
  }

  #error({ code, because, cause }: Failure, requester: Requester): ServerError {
    const message = `cannot read from ${hostInUrl(this.endpoint.host)}:${this.endpoint.port} because ${because}`;
    return new ServerError(code, requester.server, message, cause === undefined ? undefined : { cause });
  }
}

/** A stream that ends between two frames has ended; one that ends inside a frame has broken the protocol. */
function lostInside(pendingBytes: number, failure: Failure): Failure {
  if (pendingBytes === 0) return failure;
  return { code: "ProtocolViolation", because: `${failure.because}, ${pendingBytes} bytes into a reply` };
}

/** Ends with the work, which never rejects, or when the signal aborts. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return await work;
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) aborted.resolve();
  await Promise.race([work, aborted.promise]);
  signal.removeEventListener("abort", onAbort);
}
