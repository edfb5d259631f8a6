// When a connection is tried again: soon at first, then ever later, and never all gateways of a site at the same moment. What only a person can
// mend is tried once a minute: no account is locked out, nobody's log is flooded.

import type { OutputError } from "../outputs/output.ts";

const firstMs = 1000;
const longestMs = 30_000;
const forPeopleMs = 60_000;
/** A connection that held for so long worked; one that ends sooner is refused in a way of its own, and is not tried at once. */
export const provenMs = 30_000;

export class RetrySchedule {
  #failures = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** How long to wait after a connection that held for `heldMs`, or never came about (0). */
  after(error: OutputError, heldMs: number): number {
    if (heldMs >= provenMs) this.#failures = 0;
    if (error.isForPeople) return forPeopleMs;
    const waitMs = Math.min(longestMs, firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 10);
    return waitMs * (0.5 + this.#random() / 2);
  }
}
