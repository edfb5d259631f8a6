// The life of one server's connection: connect, let the session run the groups, and after a loss try again on its own schedule. Whatever this
// server does, no other loop waits for it, and what it leaves in the image never looks better than it is.
//
//   connecting -> connected -> lost -> connected ...     stopped, from each of them, for good
//
// The first attempt is shown as connecting; while later ones are under way the connection stays lost. It is connected when the session says
// that the server is alive, not when it was opened.

import type { PointDescription } from "@cpc-partition/image/point";
import type { Log } from "@cpc-partition/process/log";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { ConnectionState } from "@cpc-partition/image/layout";
import type { SourceState } from "@cpc-partition/image/server-block";
import { GroupLoop } from "./group-loop.ts";
import type { PollsInFlight } from "./polls-in-flight.ts";
import { LossLog } from "@cpc-partition/process/loss-log";
import { Alarm, type Grid, type MonotonicClock } from "@cpc-partition/process/schedule";
import type { ServerSink } from "./server-sink.ts";
import { retryPauseMs, ServerError } from "./server-error.ts";
import type { Session, Source, SourceFacts } from "./source.ts";

/** A connection that had worked is tried again soon: most losses are a device that restarts or drops idle connections. */
const quickRetryMs = 1000;
/** How often a server that waits for its next attempt is asked whether the reason of its refusal is gone. */
const lookAgainMs = 1000;

const remedy = "check cable, power and address of the server";

export interface LoopContext {
  /** The instants of an interval; undefined: of the service's. */
  readonly gridOf: (intervalMs: number | undefined) => Grid;
  readonly clock: MonotonicClock;
  readonly pollsInFlight: PollsInFlight;
  readonly log: Log;
  /**
   * Called when the server came or went, or the image should be made anew: worth a document before the next tick. Ends when the image knows of it,
   * or cannot now.
   */
  readonly changed: () => Promise<void>;
}

type State =
  | { readonly kind: "connecting" }
  | { readonly kind: "connected" }
  | { readonly kind: "lost"; readonly error: unknown }
  | { readonly kind: "stopped" };

export class ConnectionLoop {
  readonly #source: Source;
  readonly #block: ServerSink;
  readonly #context: LoopContext;
  readonly #groups: readonly GroupLoop[];
  readonly #stop = new AbortController();
  /** Ends the pause before the next attempt to connect. */
  readonly #nextAttempt = new Alarm();
  readonly #log: LossLog;
  #state: State = { kind: "connecting" };
  /** Those that the image shows of a server that is connected. */
  #shownFacts: SourceFacts | undefined;
  /** Failures that did not cost the connection. */
  #survived = 0;
  #started: Promise<Session> | undefined;
  /** Those that the image has. */
  #points: readonly PointDescription[] | undefined;

  /** `started`: a first attempt to connect that is under way already. */
  constructor(source: Source, block: ServerSink, context: LoopContext, started?: Promise<Session>) {
    this.#source = source;
    this.#block = block;
    this.#context = context;
    this.#started = started;
    if (started === undefined) this.#points = source.points;
    const texts = { connected: "connected", remedy, fields: { server: source.alias } };
    this.#log = new LossLog(context.log, texts, context.clock);
    const { gridOf, clock, pollsInFlight, changed } = context;
    this.#groups = block.groups.map((group, index) => {
      const grid = gridOf(source.groups[index]?.intervalMs);
      return new GroupLoop(group, {
        grid,
        clock,
        pollsInFlight,
        alive: () => this.#alive(),
        wantsRenewal: () => void changed(),
      });
    });
  }

  /** Ends after `stop`, when the connection is closed. Never rejects. */
  async run(): Promise<void> {
    if (!this.#stop.signal.aborted) this.#setState({ kind: "connecting" });
    while (!this.#stop.signal.aborted) {
      const lastedMs = await this.#serve();
      if (this.#stop.signal.aborted) return;
      await this.#waitForAttempt(lastedMs);
    }
  }

  /** Shows the server as not connected at once; `run` then closes the connection and ends. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#nextAttempt.ring();
    this.#setState({ kind: "stopped" });
  }

  /** There is a new generation of the image: values that were cut are read again at once. */
  renewed(): void {
    for (const group of this.#groups) group.renewed();
  }

  /** The same of one group, whose values another thread has published. */
  readAgain(group: number): void {
    this.#groups[group]?.readAgain();
  }

  /** From an attempt to connect to the end of its connection; the result is how long that lasted. */
  async #serve(): Promise<number> {
    const { signal } = this.#stop;
    const attempt = this.#started ?? this.#source.connect(signal);
    this.#started = undefined;
    let session: Session | undefined;
    let connectedAtMs: number | undefined;
    try {
      session = await attempt;
      connectedAtMs = this.#context.clock();
      this.#block.count("connects");
      await this.#pointsAreKnown();
      const reports = {
        groups: this.#groups,
        alive: () => this.#alive(),
        failed: (error: ServerError) => this.#failed(error),
      };
      await session.run(reports, signal);
    } catch (error) {
      if (!signal.aborted) this.#setState({ kind: "lost", error }, connectedAtMs !== undefined);
    }
    await session?.close();
    return connectedAtMs === undefined ? 0 : this.#context.clock() - connectedAtMs;
  }

  /** Without them values are not shown, and what a server has queued is sent once. */
  async #pointsAreKnown(): Promise<void> {
    if (this.#source.points === this.#points) return;
    this.#points = this.#source.points;
    await this.#context.changed();
  }

  /** Shorter when what the server or we refused may be accepted now. */
  async #waitForAttempt(lastedMs: number): Promise<void> {
    const { clock } = this.#context;
    const error = this.#state.kind === "lost" ? this.#state.error : undefined;
    const isReasonGone = error instanceof ServerError ? error.isReasonGone : undefined;
    const usualMs = this.#retryPauseMs(error);
    const pauseMs = lastedMs > usualMs ? Math.min(quickRetryMs, usualMs) : usualMs;
    const endMs = clock() + pauseMs;
    for (let restMs = pauseMs; restMs > 0; restMs = endMs - clock()) {
      if (await this.#nextAttempt.wait(isReasonGone === undefined ? restMs : Math.min(lookAgainMs, restMs))) return;
      if (isReasonGone?.() === true) return;
    }
  }

  #retryPauseMs(error: unknown): number {
    return retryPauseMs(error, this.#source.retryIntervalMs);
  }

  /** False: it was stopped. */
  #alive(): boolean {
    if (this.#stop.signal.aborted) return false;
    if (this.#state.kind === "connected") {
      if (this.#source.facts !== this.#shownFacts) this.#show(ConnectionState.connected);
      this.#log.alive();
    } else this.#setState({ kind: "connected" });
    return true;
  }

  #failed(error: ServerError): void {
    if (this.#stop.signal.aborted) return;
    this.#block.countFailure(error.code);
    this.#block.show({ ...this.#sourceState(ConnectionState.connected), error: error.message });
    const failures = ++this.#survived;
    // As many records as the number has binary digits: what goes on for days must not fill the log.
    if ((failures & (failures - 1)) !== 0) return;
    this.#context.log("warn", error.message, { server: this.#source.alias, code: error.code, failures });
  }

  /** Shows every change of the state in image, log and document. */
  #setState(next: State, wasConnected = false): void {
    this.#state = next;
    switch (next.kind) {
      case "connecting":
        return this.#showEverywhere(ConnectionState.connecting);
      case "connected":
        this.#show(ConnectionState.connected);
        this.#log.connected();
        void this.#context.changed();
        return;
      case "lost":
        this.#block.countFailure(next.error instanceof ServerError ? next.error.code : "ProtocolViolation");
        this.#showEverywhere(ConnectionState.lost, StatusCode.BadNoCommunication, messageOf(next.error));
        void this.#context.changed();
        return this.#logLoss(next.error, wasConnected);
      case "stopped":
        return this.#showEverywhere(ConnectionState.stopped, StatusCode.BadShutdown);
    }
  }

  #logLoss(error: unknown, wasConnected: boolean): void {
    const isOurs = error instanceof ServerError;
    const isNew = this.#log.lost({
      message: (isOurs ? error.record?.message : undefined) ?? messageOf(error),
      wasConnected,
      // A refusal says itself what to do.
      hasRemedy: isOurs && error.retry === "slowly",
      fields: isOurs ? { code: error.code, ...error.record?.fields } : { code: "ProtocolViolation" },
      firstFields: { retryMs: this.#retryPauseMs(error) },
    });
    if (isNew && !isOurs && error instanceof Error)
      this.#context.log("error", "unexpected error in a client", { server: this.#source.alias, stack: error.stack });
  }

  #show(connection: ConnectionState): void {
    this.#shownFacts = this.#source.facts;
    this.#block.show(this.#sourceState(connection));
  }

  #showEverywhere(connection: ConnectionState, status?: number, error?: string): void {
    const state = this.#sourceState(connection);
    this.#block.showEverywhere(error === undefined ? state : { ...state, error }, status);
  }

  #sourceState(connection: ConnectionState): SourceState {
    const { certificateEndsMs, ownCertificateEndsMs, requestLimit = 0 } = this.#source.facts;
    return { connection, certificateEndsMs, ownCertificateEndsMs, requestLimit };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
