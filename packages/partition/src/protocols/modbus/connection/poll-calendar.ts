// When the groups that share a connection poll, so that slow groups are read in the idle time of fast ones.
//
// The poll that has to be done first goes first: a fast one overtakes a slow one between two requests, until the slow one's own interval is
// nearly over, so nobody waits for ever. A request that might still be outstanding when a faster poll begins is held back until that one has
// sent its own, unless it is late already or requests take so long that hardly any would fit between.

import type { Requester } from "./exchange.ts";

/** Timers count whole milliseconds, and the event loop may be busy: the faster poll may begin so much after its instant. */
const lateMs = 2;
/** Between two polls of the faster group there must be room for so many requests, or nothing is held back. */
const leastRequests = 4;
/** How much of the longest answer counts after each quicker one. */
const fading = 0.9;

export class PollCalendar {
  /** When each requester's last poll began. */
  readonly #startMs = new Map<Requester, number>();
  #shortestMs = Infinity;
  #answerMs = 0;

  begins(requester: Requester, nowMs: number): void {
    if (requester.intervalMs === undefined) return;
    this.#startMs.set(requester, nowMs);
    this.#shortestMs = Math.min(this.#shortestMs, requester.intervalMs);
  }

  leaves(requester: Requester): void {
    this.#startMs.delete(requester);
    this.#shortestMs = Math.min(...Array.from(this.#startMs.keys(), ({ intervalMs = Infinity }) => intervalMs));
  }

  /** An answer took so long. */
  answered(tookMs: number): void {
    this.#answerMs = Math.max(tookMs, fading * this.#answerMs);
  }

  /** When the poll that the requester asks for has to be done; who asks outside polls comes first. */
  dueMs(requester: Requester): number {
    const startMs = this.#startMs.get(requester);
    return startMs === undefined ? 0 : startMs + (requester.intervalMs ?? 0);
  }

  /** How long a request is held back at most, because a faster poll is about to begin; 0: not at all. */
  holdMs(requester: Requester, nowMs: number): number {
    const { intervalMs = 0 } = requester;
    if (intervalMs <= this.#shortestMs || nowMs >= this.dueMs(requester)) return 0;
    let untilMs = nowMs;
    for (const [other, startMs] of this.#startMs) {
      const fasterMs = other.intervalMs ?? Infinity;
      if (fasterMs >= intervalMs || fasterMs < leastRequests * this.#answerMs) continue;
      const nextMs = startMs + fasterMs;
      if (nowMs + this.#answerMs > nextMs && nowMs < nextMs + lateMs) untilMs = Math.max(untilMs, nextMs + lateMs);
    }
    return untilMs - nowMs;
  }
}
