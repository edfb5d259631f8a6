// How many nodes a slower group asks for at once beside a faster one on the same session. Many servers answer one request after the other, so
// the faster group waits as long as the request before it takes: one that took longer than a small part of the faster interval is followed by
// requests of half the size, one that was quick by larger ones. Pure.

import type { Group } from "../../sources/source.ts";

/** Of the faster group's interval. */
const partOfInterval = 0.1;
export const firstNodes = 200;
/** Fewer save no time worth having: what is left is the way there and back. */
const fewestNodes = 25;
const mostNodes = 1000;

export class ReadPace {
  readonly #budgetMs: number;
  #nodes = firstNodes;

  constructor(fasterIntervalMs: number) {
    this.#budgetMs = partOfInterval * fasterIntervalMs;
  }

  /** The most nodes in one request. */
  get nodes(): number {
    return this.#nodes;
  }

  answered(asked: number, tookMs: number): void {
    if (tookMs > this.#budgetMs) {
      if (asked * 2 > this.#nodes) this.#nodes = Math.max(fewestNodes, Math.ceil(this.#nodes / 2));
    } else if (tookMs < this.#budgetMs / 4 && asked * 2 > this.#nodes) {
      this.#nodes = Math.min(mostNodes, this.#nodes * 2);
    }
  }
}

/** Of each group; undefined for the fastest, which asks for as many nodes at once as the server bears. */
export function pacesOf(groups: readonly Group[]): readonly (ReadPace | undefined)[] {
  const fastestMs = Math.min(...groups.map(({ intervalMs = Infinity }) => intervalMs));
  return groups.map(({ intervalMs = Infinity }) => (intervalMs > fastestMs ? new ReadPace(fastestMs) : undefined));
}
