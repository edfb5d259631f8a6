// How long does a connection live on which nobody has answered yet? Some devices lose whatever comes in the first seconds after a connect:
// if each connection were given up after its first time-out, they would never be read. Pure.

/** Requests that may go unanswered at the start of a connection. */
const FIRST_REQUESTS = 3;
const LONGEST_GRANT_MS = 10_000;

export class FirstAnswer {
  #grantedMs = 0;

  /** True while the device may still be getting ready; `ageMs` since it was asked for the first time, `timeouts` since then. */
  mayStillCome(timeouts: number, ageMs: number): boolean {
    return timeouts < FIRST_REQUESTS || ageMs < this.#grantedMs;
  }

  /** A connection has been given up at that age without any answer: the next one gets twice as long. */
  didNotCome(ageMs: number): void {
    this.#grantedMs = Math.min(LONGEST_GRANT_MS, 2 * ageMs);
  }
}
