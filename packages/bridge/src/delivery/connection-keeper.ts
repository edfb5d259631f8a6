// Keeps one output connected: connects, waits for the end, waits, connects again. Changed credentials and certificates are taken at once.

import type { Log } from "@cpc-partition/process/log";
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
  #reconnects = -1;
  /** The reason that the log knows. */
  #logged = "";

  constructor(output: Output, log: Log, kept: KeptConnection, events: SessionEvents, lookAtFilesMs = 5000) {
    this.#output = output;
    this.#log = log;
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
      let heldMs = 0;
      let error: OutputError;
      try {
        const session = await this.#output.connect({ log: this.#log, events: this.#events, signal });
        const openedMs = performance.now();
        this.#reconnects++;
        this.#logged = "";
        this.#log("info", `connected to ${this.#output.name}`);
        this.#kept.opened(session);
        error = await this.#untilOver(session, fingerprint, signal);
        this.#kept.closed();
        heldMs = performance.now() - openedMs;
        if (error.code === "Ended") continue;
      } catch (failure) {
        if (!(failure instanceof OutputError)) throw failure;
        error = failure;
      }
      if (signal.aborted) return;
      const waitMs = this.#retry.after(error, heldMs);
      if (error.message !== this.#logged)
        this.#log(
          "warn",
          `${error.message}; changes are kept in the queue, the next attempt is in ${Math.ceil(waitMs / 1000)} s`,
        );
      this.#logged = error.message;
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
