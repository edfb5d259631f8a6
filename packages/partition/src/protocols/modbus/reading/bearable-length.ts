// How long a request may be for a device that falls silent, or closes the connection, in a longer one and gives no exception. Pure.
//
//   silent in a row in long requests, short ones answered meanwhile  -> no request is longer than half of the shortest it was silent in
//   silent in a row, and nothing shorter was asked for               -> ever shorter ones are tried; one that is answered does not count
//                                                                       before the long one was silent once more: the device may be back
//
// It outlives connections, since the silence ends them. After a while twice the length is tried, and later each time it is in vain.

/** Once is the cable. */
const enoughSilences = 2;
const firstTrialAfterMs = 600_000;
const longestTrialAfterMs = 86_400_000;

export class BearableLength {
  #limit = Infinity;
  /** While ever shorter requests are tried. */
  #probe = Infinity;
  #silences = 0;
  /** The shortest request with no answer since a longer or equal one had one. */
  #shortestSilent = Infinity;
  /** The longest request with an answer since then. */
  #longestAnswered = 0;
  #trialDueMs = Infinity;
  #trialAfterMs = firstTrialAfterMs;

  /** Learned; undefined: the device bears what it is asked for. */
  get limit(): number | undefined {
    return this.#limit === Infinity ? undefined : this.#limit;
  }

  /** The most addresses of one request in this poll. `nowMs` is monotonic. */
  at(nowMs: number): number {
    return Math.min(this.#probe, nowMs >= this.#trialDueMs ? 2 * this.#limit : this.#limit);
  }

  answered(quantity: number, nowMs: number): void {
    if (quantity > this.#limit) {
      this.#limit = quantity;
      this.#trialDueMs = nowMs + this.#trialAfterMs;
    }
    if (this.#silences === 0) return;
    if (quantity >= this.#shortestSilent) this.#clearSuspicion();
    else {
      this.#longestAnswered = Math.max(this.#longestAnswered, quantity);
      this.#probe = Infinity;
    }
  }

  /** No answer came. `isShortest`: the request cannot be cut. */
  silent(quantity: number, isShortest: boolean, nowMs: number): void {
    if (quantity > this.#limit) {
      this.#trialAfterMs = Math.min(longestTrialAfterMs, 2 * this.#trialAfterMs);
      this.#trialDueMs = nowMs + this.#trialAfterMs;
      return;
    }
    if (isShortest) {
      this.#clearSuspicion(); // nobody is there: the length is not to blame
      return;
    }
    this.#silences++;
    this.#shortestSilent = Math.min(this.#shortestSilent, quantity);
    if (this.#silences < enoughSilences) return;
    const half = Math.ceil(this.#shortestSilent / 2);
    if (this.#longestAnswered === 0) {
      this.#probe = half;
      return;
    }
    this.#limit = Math.max(half, this.#longestAnswered);
    this.#trialDueMs = nowMs + this.#trialAfterMs;
    this.#clearSuspicion();
  }

  #clearSuspicion(): void {
    this.#probe = Infinity;
    this.#silences = 0;
    this.#shortestSilent = Infinity;
    this.#longestAnswered = 0;
  }
}
