// What is known of each monitored item of a subscription. None is ever forgotten: an item that does not report is asked for again and
// meanwhile read, and one that has been quiet for long has to prove it. Pure; times are those of a monotonic clock.
//
//   unasked -> waiting -> reporting          waiting, too long -> refused          refused -> (asked again) -> waiting
//           -> refused                       reporting, but forgotten -> the subscription is made anew

interface ReportingState {
  readonly is: "reporting";
  readonly itemId: number | undefined;
  lastMs: number;
  /** A Read showed another value than was reported last. */
  suspectSinceMs: number | undefined;
}

export type ItemState =
  | { readonly is: "unasked" }
  /** The server has accepted it and has yet to report its first value. `itemId`: undefined when an earlier session made it. */
  | { readonly is: "waiting"; readonly itemId: number | undefined; readonly sinceMs: number }
  | Readonly<ReportingState>
  | { readonly is: "refused"; readonly status: number; readonly nextTryMs: number }
  /** No item of its own: its value is a part of another item's. */
  | { readonly is: "following" };

const unasked: ItemState = { is: "unasked" };

export class ItemStates {
  readonly #states: (Exclude<ItemState, { is: "reporting" }> | ReportingState)[];
  /** Where the next round of proofs goes on. */
  #quietFrom = 0;

  constructor(count: number) {
    this.#states = Array.from({ length: count }, () => unasked);
  }

  of(index: number): ItemState {
    return this.#states[index] ?? unasked;
  }

  /** Items that the server is to be asked for now. */
  due(nowMs: number): readonly number[] {
    return this.#where((state) => state.is === "unasked" || (state.is === "refused" && state.nextTryMs <= nowMs));
  }

  follows(index: number): void {
    this.#states[index] = { is: "following" };
  }

  created(index: number, itemId: number | undefined, nowMs: number): void {
    this.#states[index] = { is: "waiting", itemId, sinceMs: nowMs };
  }

  refused(index: number, status: number, nextTryMs: number): void {
    this.#states[index] = { is: "refused", status, nextTryMs };
  }

  /** It reported a value; false when nobody waits for a value of this item. */
  reported(index: number, nowMs: number): boolean {
    const state = this.#states[index];
    if (state?.is === "reporting") {
      // Thousands of times a second: no object is made of each.
      state.lastMs = nowMs;
      state.suspectSinceMs = undefined;
      return true;
    }
    if (state?.is !== "waiting") return false;
    this.#states[index] = { is: "reporting", itemId: state.itemId, lastMs: nowMs, suspectSinceMs: undefined };
    return true;
  }

  /** Items that were accepted that long ago and have not reported once. */
  overdue(nowMs: number, graceMs: number): readonly number[] {
    return this.#where((state) => state.is === "waiting" && nowMs - state.sinceMs > graceMs);
  }

  get refusedItems(): readonly number[] {
    return this.#where((state) => state.is === "refused");
  }

  hasReportedSince(index: number, sinceMs: number): boolean {
    const state = this.#states[index];
    return state?.is === "reporting" && state.lastMs >= sinceMs;
  }

  isReporting(index: number): boolean {
    return this.#states[index]?.is === "reporting";
  }

  /** Some of the items that have not reported for so long, others with each call. */
  quiet(nowMs: number, sinceMs: number, most: number): readonly number[] {
    const found: number[] = [];
    const count = this.#states.length;
    for (let step = 0; step < count && found.length < most; step++) {
      const index = (this.#quietFrom + step) % count;
      const state = this.#states[index];
      if (state?.is === "reporting" && nowMs - state.lastMs >= sinceMs) found.push(index);
    }
    this.#quietFrom = count === 0 ? 0 : ((found.at(-1) ?? this.#quietFrom - 1) + 1) % count;
    return found;
  }

  /** A Read that was sent at `sinceMs` showed another value than was reported; the report may be under way. */
  suspected(index: number, sinceMs: number): void {
    const state = this.#states[index];
    if (state?.is !== "reporting" || state.suspectSinceMs !== undefined || state.lastMs > sinceMs) return;
    state.suspectSinceMs = sinceMs;
  }

  /** It has the value again that was reported last. */
  clearSuspicion(index: number): void {
    const state = this.#states[index];
    if (state?.is === "reporting") state.suspectSinceMs = undefined;
  }

  /** Items whose new value was seen that long ago and has not been reported. */
  forgotten(nowMs: number, graceMs: number): readonly number[] {
    return this.#where(
      (state) =>
        state.is === "reporting" && state.suspectSinceMs !== undefined && nowMs - state.suspectSinceMs > graceMs,
    );
  }

  get suspects(): readonly number[] {
    return this.#where((state) => state.is === "reporting" && state.suspectSinceMs !== undefined);
  }

  #where(holds: (state: ItemState) => boolean): readonly number[] {
    return this.#states.flatMap((state, index) => (holds(state) ? [index] : []));
  }
}
