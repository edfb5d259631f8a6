// The polls of all servers that are under way: so many begin at a time, and the image's clock may wait for those of its tick.
//
// It lets the publisher wait a moment for the polls that began with its tick, so that a document shows the newest values. A poll that
// began before the tick delays no document, nor does a server whose polls take longer than the wait: its values would be late anyway.

import type { MonotonicClock } from "@cpc-partition/process/schedule";

/** Longest wait for the polls of a tick. */
const longestGraceMs = 200;
/** Timers count whole milliseconds: a loop may begin a little before its instant. */
const earlyMs = 2;

/**
 * So many polls begin in one turn of the event loop. Else a thousand that begin at one instant would all have asked before the first answer is
 * taken, and what belongs to them would outlive several collections of garbage.
 */
const mostAtOnce = 32;

/** How soon it is asked again whether what was read is taken. */
const behindAgainMs = 1;

export class PollsInFlight {
  readonly #clock: MonotonicClock;
  readonly #graceMs: number;
  readonly #marginMs: number;
  readonly #isBehind: () => boolean;
  readonly #startMs = new Map<object, number>();
  /** Servers whose last poll outlasted a wait. */
  readonly #slow = new WeakSet<object>();
  /** Those that somebody waits for, and what to call when none of them is left. */
  readonly #awaited = new Set<object>();
  #allEnded: (() => void) | undefined;
  /** Polls that have begun in this turn of the event loop, and those that wait for a later one. */
  #begun = 0;
  readonly #waiting: (() => void)[] = [];

  /** Documents come `headStartMs` after the instant of the polls. While `isBehind` says that what was read is not taken, no poll begins. */
  constructor(clock: MonotonicClock, intervalMs: number, headStartMs: number, isBehind = () => false) {
    this.#clock = clock;
    this.#isBehind = isBehind;
    this.#graceMs = Math.min(longestGraceMs, intervalMs / 2);
    this.#marginMs = headStartMs + Math.min(earlyMs, intervalMs / 4);
  }

  /** `poll` is called when it is the server's turn, which may be at once. */
  begin(server: object, poll: () => void): void {
    this.#startMs.set(server, this.#clock());
    this.#expectTurn();
    if (this.#begun < mostAtOnce && !this.#isBehind()) {
      this.#begun++;
      poll();
    } else this.#wait(poll);
  }

  /** Of what servers send by themselves: the result ends when what was read is taken; undefined: it is. */
  room(): Promise<void> | undefined {
    if (!this.#isBehind()) return undefined;
    this.#expectTurn();
    return new Promise((resolve) => this.#wait(resolve));
  }

  #expectTurn(): void {
    if (this.#begun === 0) setImmediate(this.#nextTurn);
  }

  #wait(begin: () => void): void {
    // Not 0 while a turn is to come.
    this.#begun ||= mostAtOnce;
    this.#waiting.push(begin);
  }

  readonly #nextTurn = (): void => {
    if (this.#isBehind()) {
      setTimeout(this.#nextTurn, behindAgainMs);
      return;
    }
    const begins = this.#waiting.splice(0, mostAtOnce);
    this.#begun = begins.length;
    if (begins.length > 0) setImmediate(this.#nextTurn);
    for (const begin of begins) begin();
  };

  end(server: object): void {
    const startMs = this.#startMs.get(server);
    this.#startMs.delete(server);
    if (startMs !== undefined && this.#clock() - startMs < this.#graceMs) this.#slow.delete(server);
    if (this.#awaited.delete(server) && this.#awaited.size === 0) this.#allEnded?.();
  }

  /** Resolves when the polls that began with the tick at `instantMs` have ended, but after the grace at the latest. */
  async ofTick(instantMs: number): Promise<void> {
    const fromMs = instantMs - this.#marginMs;
    this.#startMs.forEach((startMs, server) => {
      if (startMs >= fromMs && !this.#slow.has(server)) this.#awaited.add(server);
    });
    if (this.#awaited.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#graceMs);
      this.#allEnded = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#allEnded = undefined;
    for (const server of this.#awaited) this.#slow.add(server);
    this.#awaited.clear();
  }
}
