// The requests that wait for their turn on one connection. Pure.
//
// What has to be done first goes first, and of equal ones what came first, but unit ids that were silent when they were asked last go after all others: else several dead ones,
// each asked by a server of its own, would add up their time-outs before a living one. They are not put off for ever, because a busy
// connection always has somebody else waiting.

import type { Requester } from "./exchange.ts";

export interface Waiting {
  readonly requester: Requester;
  readonly unitId: number;
  /** When its poll has to be done (poll-calendar.ts); absent: at once. */
  readonly dueMs?: number;
}

/** So many requests may overtake a silent unit id before it has its turn. */
const MOST_OVERTAKING = 20;

const never = (): boolean => false;

export class WaitingRequests<Request extends Waiting> {
  #waiting: Request[] = [];
  #overtaking = 0;

  push(request: Request): void {
    const { dueMs = 0 } = request;
    if (this.isEmpty) this.#waiting.push(request);
    else this.#waiting.splice(this.#waiting.findLastIndex((other) => (other.dueMs ?? 0) <= dueMs) + 1, 0, request);
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** It had its turn in vain, and is the first to have another one. */
  putBack(request: Request): void {
    this.#waiting.unshift(request);
  }

  /** Whose turn it is; nobody's whose unit id must wait. */
  next(isSilent: (unitId: number) => boolean, mustWait: (unitId: number) => boolean = never): Request | undefined {
    const first = this.#waiting.find(({ unitId }) => !mustWait(unitId));
    if (this.#overtaking >= MOST_OVERTAKING) return first;
    return this.#waiting.find(({ unitId }) => !isSilent(unitId) && !mustWait(unitId)) ?? first;
  }

  /** It has its turn. */
  take(request: Request): void {
    const index = this.#waiting.indexOf(request);
    this.#overtaking = index > 0 ? this.#overtaking + 1 : 0;
    if (index === 0) this.#waiting.shift();
    else this.#waiting.splice(index, 1);
  }

  /** Removes and returns a requester's, or all. */
  remove(requester?: Requester): readonly Request[] {
    const isTheirs = (request: Request): boolean => requester === undefined || request.requester === requester;
    const removed = this.#waiting.filter(isTheirs);
    this.#waiting = this.#waiting.filter((request) => !isTheirs(request));
    return removed;
  }
}
