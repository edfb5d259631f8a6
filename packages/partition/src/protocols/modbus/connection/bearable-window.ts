// How many requests may a device be given at a time? Some lose requests that come before they have answered, although the configuration
// says that they can bear several. Pure.
//
// A request that was lost while the device answered others of the same unit id is nobody's silence: the device then gets one at a time, and
// the request once more. It outlives connections. After a while several are tried again, and later each time it is in vain.

const firstTrialAfterMs = 60_000;
const longestTrialAfterMs = 86_400_000;

export class BearableWindow {
  readonly #size: number;
  #trialDueMs = -Infinity;
  #trialAfterMs = firstTrialAfterMs;
  #losses = 0;

  /** `size`: as configured. */
  constructor(size: number) {
    this.#size = size;
  }

  /** How often the device has lost a request in the company of others. */
  get losses(): number {
    return this.#losses;
  }

  /** Requests that may be outstanding. `nowMs` is monotonic. */
  at(nowMs: number): number {
    return nowMs < this.#trialDueMs ? 1 : this.#size;
  }

  /** The device has lost a request while it answered others. */
  lost(nowMs: number): void {
    if (nowMs < this.#trialDueMs) return;
    this.#losses++;
    this.#trialDueMs = nowMs + this.#trialAfterMs;
    this.#trialAfterMs = Math.min(longestTrialAfterMs, 2 * this.#trialAfterMs);
  }
}
