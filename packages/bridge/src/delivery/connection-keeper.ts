// Keeps one output connected: connects, waits for the end, waits, connects again. Changed credentials and certificates are taken at once.

import type { Log } from "@cpc-partition/process/log";
import { LossLog } from "@cpc-partition/process/loss-log";
import { Alarm } from "@cpc-partition/process/schedule";
import { OutputError, type Output, type Session, type SessionEvents } from "../outputs/output.ts";
import { RetrySchedule } from "./retry-schedule.ts";

export interface KeptConnection {
  /** A new session: nothing was published in it yet. */
  opened(session: Session): void;
  /** What was under way is unproven. */
  closed(): void;
}

export class ConnectionKeeper {
  readonly #output: Output;
  readonly #log: Log;
  readonly #kept: KeptConnection;
  readonly #events: SessionEvents;
  readonly #lookAtFilesMs: number;
  readonly #retry = new RetrySchedule();
  readonly #losses: LossLog;
  readonly #note: Log;
  #reconnects = -1;

  constructor(output: Output, log: Log, kept: KeptConnection, events: SessionEvents, lookAtFilesMs = 5000) {
    this.#output = output;
    this.#log = log;
    const texts = { connected: `connected to ${output.name}`, remedy: "look at the broker and its log" };
    this.#losses = new LossLog(log, texts, () => performance.now());
    this.#note = (...record) => this.#losses.note(...record);
    this.#kept = kept;
    this.#events = events;
    this.#lookAtFilesMs = lookAtFilesMs;
  }

  /** Connections after the first one. */
  get reconnects(): number {
    return Math.max(0, this.#reconnects);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const fingerprint = this.#output.fingerprint();
      let openedMs: number | undefined;
      let error: OutputError;
      try {
        const session = await this.#output.connect({ log: this.#note, events: this.#events, signal });
        openedMs = performance.now();
        this.#reconnects++;
        this.#losses.connected();
        this.#kept.opened(session);
        error = await this.#untilOver(session, fingerprint, signal);
        this.#kept.closed();
        if (error.code === "Ended") continue;
      } catch (failure) {
        if (!(failure instanceof OutputError)) throw failure;
        error = failure;
      }
      if (signal.aborted) return;
      const waitMs = this.#retry.after(error, openedMs === undefined ? 0 : performance.now() - openedMs);
      this.#losses.lost({
        message: error.message,
        wasConnected: openedMs !== undefined,
        hasRemedy: error.isForPeople || error.code === "Unreachable",
        consequence: `; changes are kept in the queue, the next attempt is in ${Math.ceil(waitMs / 1000)} s`,
      });
      await this.#pause(waitMs, fingerprint, signal);
    }
  }

  /** Ends the session itself when the files were changed, or at the signal. */
  async #untilOver(session: Session, fingerprint: string, signal: AbortSignal): Promise<OutputError> {
    let over: OutputError | undefined;
    const alarm = new Alarm();
    const ring = (): void => alarm.ring();
    const watch = async (): Promise<void> => {
      over = await session.ended;
      ring();
    };
    void watch();
    signal.addEventListener("abort", ring, { once: true });
    try {
      for (;;) {
        await alarm.wait(this.#lookAtFilesMs);
        if (over !== undefined) return over;
        this.#losses.alive();
        const isChanged = this.#output.fingerprint() !== fingerprint;
        if (!signal.aborted && !isChanged) continue;
        if (isChanged)
          this.#log(
            "info",
            `connecting to ${this.#output.name} again because its credentials or certificates were changed`,
          );
        await session.end();
        return new OutputError("Ended", "the connection was ended by the bridge");
      }
    } finally {
      signal.removeEventListener("abort", ring);
    }
  }

  async #pause(waitMs: number, fingerprint: string, signal: AbortSignal): Promise<void> {
    const untilMs = performance.now() + waitMs;
    const alarm = new Alarm();
    const ring = (): void => alarm.ring();
    signal.addEventListener("abort", ring, { once: true });
    while (!signal.aborted && performance.now() < untilMs && this.#output.fingerprint() === fingerprint)
      await alarm.wait(Math.min(this.#lookAtFilesMs, untilMs - performance.now()));
    signal.removeEventListener("abort", ring);
  }
}
