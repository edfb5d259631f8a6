// Lets the publisher wait a moment for the polls that began with its tick, so that a document shows the newest values. A poll that
// began before the tick delays no document, nor does a server whose polls take longer than the wait: its values would be late anyway.

import type { MonotonicClock } from "@cpc-partition/process/schedule";

/** Longest wait for the polls of a tick. */
const longestGraceMs = 200;
/** Timers count whole milliseconds: a loop may begin a little before its instant. */
const earlyMs = 2;

export class PollsInFlight {
  readonly #clock: MonotonicClock;
  readonly #graceMs: number;
  readonly #marginMs: number;
  readonly #startMs = new Map<object, number>();
  /** Servers whose last poll outlasted a wait. */
  readonly #slow = new WeakSet<object>();
  #ended: (() => void) | undefined;

  /** Documents come `headStartMs` after the instant of the polls. */
  constructor(clock: MonotonicClock, intervalMs: number, headStartMs: number) {
    this.#clock = clock;
    this.#graceMs = Math.min(longestGraceMs, intervalMs / 2);
    this.#marginMs = headStartMs + Math.min(earlyMs, intervalMs / 4);
  }

  begin(server: object): void {
    this.#startMs.set(server, this.#clock());
  }

  end(server: object): void {
    const startMs = this.#startMs.get(server);
    this.#startMs.delete(server);
    if (startMs !== undefined && this.#clock() - startMs < this.#graceMs) this.#slow.delete(server);
    this.#ended?.();
  }

  /** Resolves when the polls that began with the tick at `instantMs` have ended, but after the grace at the latest. */
  async ofTick(instantMs: number): Promise<void> {
    const fromMs = instantMs - this.#marginMs;
    const awaited = [...this.#startMs].filter(([server, startMs]) => startMs >= fromMs && !this.#slow.has(server));
    const running = (): readonly object[] =>
      awaited.flatMap(([server, startMs]) => (this.#startMs.get(server) === startMs ? [server] : []));
    if (awaited.length === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#graceMs);
      this.#ended = () => {
        if (running().length > 0) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#ended = undefined;
    for (const server of running()) this.#slow.add(server);
  }
}
