// When does silence mean that the connection is dead, and not just one unit id behind a gateway? Pure.
//
// A single device answers for itself: one time-out is enough. Behind a gateway every unit id has its own fate, so a time-out
// says something about the connection only if that unit id has answered on it before, and the neighbours are silent as well.

/**
 * So many unit ids that used to answer, silent in a row with nothing received in between, are no coincidence. Should they be one after
 * all, it costs one reconnect: nobody has answered on the new connection yet, so there each of them is silent for himself alone.
 */
const ENOUGH_SILENT_UNITS = 2;

export class UnitTimeouts {
  readonly #asked = new Set<number>();
  readonly #answered = new Set<number>();
  readonly #silentSinceLastReply = new Set<number>();
  readonly #silent = new Set<number>();
  #timeoutsSinceLastReply = 0;

  /** Somebody has answered. */
  get hasAnyAnswered(): boolean {
    return this.#answered.size > 0;
  }

  /** In a row, with no reply of anybody in between. */
  get inARow(): number {
    return this.#timeoutsSinceLastReply;
  }

  /** It did not answer when it was asked last. */
  isSilent(unitId: number): boolean {
    return this.#silent.has(unitId);
  }

  /** Any reply of the device, also a late one. */
  replied(unitId: number): void {
    if (!this.#answered.has(unitId)) this.#answered.add(unitId);
    if (this.#silent.size > 0) this.#silent.delete(unitId);
    if (this.#timeoutsSinceLastReply === 0) return;
    this.#timeoutsSinceLastReply = 0;
    this.#silentSinceLastReply.clear();
  }

  /** It has answered, and did so when it was asked last. */
  isAnswering(unitId: number): boolean {
    return this.#answered.has(unitId) && !this.#silent.has(unitId);
  }

  /**
   * True when the connection should be given up; one that `isYoung` only after somebody has answered. `isOvertaken`: a request that was
   * sent later has been answered, so the connection is alive whatever became of this unit id.
   */
  timedOut(unitId: number, isYoung: boolean, isOvertaken: boolean): boolean {
    this.#asked.add(unitId);
    this.#silent.add(unitId);
    if (isOvertaken) return false;
    this.#timeoutsSinceLastReply++;
    if (this.#answered.has(unitId)) this.#silentSinceLastReply.add(unitId);
    const answered = this.#answered.size;
    if (answered > 0) return this.#silentSinceLastReply.size >= Math.min(answered, ENOUGH_SILENT_UNITS);
    // Nobody has ever answered: everybody gets a turn, and one of them a second one; and the device its time to get ready.
    return !isYoung && this.#timeoutsSinceLastReply > this.#asked.size;
  }
}
