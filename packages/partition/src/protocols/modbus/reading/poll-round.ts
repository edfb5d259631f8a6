// One poll over all unit ids of a server: who is asked when, and when waiting for the silent ones has taken too long.

import { inLanes, WorkQueue } from "./in-lanes.ts";
import type { UnitOutcome, UnitPoll, UnitReader } from "./unit-reader.ts";

/**
 * What was read in the poll before looks good until this one ends, so no poll waits in vain more often: once for a dead unit id,
 * twice to see that the connection is dead.
 */
const MOST_TIMEOUTS = 2;

/** How a poll goes. */
export interface RoundSettings {
  /** Unit ids that are read at a time, of those who answer. */
  readonly width: number;
  /** The server answers those who ask for other groups of its points. */
  readonly isServerAlive: () => boolean;
}

export interface Round extends UnitPoll {
  /** An earlier poll of this connection has brought values, which get old while this one waits. */
  hasValues: boolean;
}

export class PollRounds {
  readonly #units: readonly UnitReader[];
  readonly #settings: RoundSettings;
  /** Of one round, which is run at a time. */
  readonly #due = new WorkQueue<UnitReader>();
  /** Counts the stretches between time-outs: what was read in the present one is fresh. */
  #stretch = 0;
  #round!: Round;
  #timeouts = 0;
  #answered = false;

  constructor(units: readonly UnitReader[], settings: RoundSettings) {
    this.#units = units;
    this.#settings = settings;
  }

  /**
   * First those of whom nobody knows whether they answer, until one costs a time-out; then all who do. What was read before a
   * time-out is old after it, and read again. Who was not read in time is bad. False: somebody was asked, and nobody of the server answers.
   */
  async run(round: Round): Promise<boolean> {
    const units = this.#units;
    this.#round = round;
    this.#timeouts = 0;
    this.#answered = false;
    this.#stretch++;
    if (!units.every(isAnswering)) await this.#askDoubtful();
    while (!this.#isTooLong()) {
      const timeoutsBefore = this.#timeouts;
      this.#due.fill(units.every(this.#isDue) ? units : units.filter(this.#isDue));
      await inLanes(this.#due, this.#settings.width, this.#read);
      if (this.#timeouts === timeoutsBefore) break;
      // Who was silent at the same time cost one wait, and what came meanwhile is as old.
      this.#timeouts = timeoutsBefore + 1;
      this.#stretch++;
    }
    if (this.#timeouts > 0 && !this.#answered && !this.#settings.isServerAlive()) return false;
    for (const unit of units) {
      if (unit.demotedUntilMs !== undefined) unit.markDemoted(round.sink);
      else if (!this.#isFresh(unit)) unit.markSkipped(round.sink);
    }
    return true;
  }

  async #askDoubtful(): Promise<void> {
    const units = this.#units;
    for (const unit of doubtful(units, this.#round.clock())) {
      const wasDemoted = unit.demotedUntilMs !== undefined;
      await this.#read(unit);
      const hasNeighbours = this.#answered || units.some(isAnswering);
      if (this.#isTooLong() || (hasNeighbours && (this.#timeouts > 0 || wasDemoted))) return;
    }
  }

  readonly #read = (unit: UnitReader): Promise<void> => unit.read(this.#round, this.#ended);

  readonly #ended = (unit: UnitReader, outcome: UnitOutcome): void => {
    if (outcome === "answered" || outcome === "partly") this.#answered = true;
    if (outcome === "silent" || outcome === "partly") {
      this.#timeouts++;
      this.#stretch++;
      this.#due.clear();
    } else unit.readIn = this.#stretch;
  };

  #isFresh(unit: UnitReader): boolean {
    return unit.readIn === this.#stretch;
  }

  readonly #isDue = (unit: UnitReader): boolean => unit.isAnswering && !this.#isFresh(unit);

  /** Before the first values, nothing gets old by waiting until somebody has answered. */
  #isTooLong(): boolean {
    return this.#timeouts >= MOST_TIMEOUTS && (this.#answered || this.#round.hasValues);
  }
}

const isAnswering = (unit: UnitReader): boolean => unit.isAnswering;

/** Those who have not been asked yet, then those whose time has come, the longest waiting first. */
function doubtful(units: readonly UnitReader[], nowMs: number): readonly UnitReader[] {
  return units
    .filter((unit) => !unit.isAnswering && dueMsOf(unit) <= nowMs)
    .toSorted((a, b) => dueMsOf(a) - dueMsOf(b));
}

/** When a unit id is to be asked: at once unless it is demoted. */
function dueMsOf(unit: UnitReader): number {
  return unit.demotedUntilMs ?? -Infinity;
}
