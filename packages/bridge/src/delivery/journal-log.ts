// What the log says of the journals that an output follows. A journal that is overrun all the time must not fill the log: the first gap is told at
// once, later ones once a minute, with how many changes they were.

import type { Log } from "@cpc-partition/process/log";
import type { FollowedService, Look } from "../observation/followed-service.ts";

/** A journal comes a moment after its image. */
const journalPatienceMs = 10_000;
const leastBetweenMs = 60_000;

interface Gap {
  /** Since it was told. */
  lost: number;
  isTold: boolean;
  toldMs: number;
}

export class JournalLog {
  readonly #log: Log;
  readonly #gaps = new Map<FollowedService, Gap>();
  readonly #slowMs = new Map<FollowedService, number>();
  /** Since when; Infinity: it has been told. */
  readonly #missingMs = new Map<FollowedService, number>();
  #lost = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Changes that the journals overwrote before they could be read. */
  get lost(): number {
    return this.#lost;
  }

  /** `lost` 0: nobody can say how many. */
  gap(service: FollowedService, lost: number): void {
    this.#lost += lost;
    const gap = this.#gaps.get(service) ?? { lost: 0, isTold: true, toldMs: Number.NEGATIVE_INFINITY };
    gap.lost += lost;
    gap.isTold = false;
    this.#gaps.set(service, gap);
    this.tell();
  }

  /** What is due. To be called now and then. */
  tell(): void {
    const nowMs = performance.now();
    for (const [service, gap] of this.#gaps) {
      if (gap.isTold || nowMs - gap.toldMs < leastBetweenMs) continue;
      const what = gap.lost === 0 ? "changes of an earlier run may have been" : `${gap.lost} changes were`;
      this.#log(
        "warn",
        `${what} overwritten in ${service.journalName} before the bridge could read them; current values follow; a larger --journal-size of the partition keeps more`,
        { lostChanges: this.#lost },
      );
      this.#gaps.set(service, { lost: 0, isTold: true, toldMs: nowMs });
    }
  }

  /** The engine does not keep up with this journal. */
  slow(service: FollowedService): void {
    const nowMs = performance.now();
    if (nowMs - (this.#slowMs.get(service) ?? Number.NEGATIVE_INFINITY) < leastBetweenMs) return;
    this.#slowMs.set(service, nowMs);
    this.#log(
      "warn",
      `the engine takes changes more slowly than they come to ${service.journalName}; what waits goes to the queue; send less with points.exclude, deadband, minimumInterval, or fewer messages with layout: server`,
    );
  }

  /** An image that is kept up to date and has no journal is a setting of the partition. */
  look(service: FollowedService, { image }: Look): void {
    const isMissing = image !== undefined && !image.isRetired && !service.hasJournal;
    const sinceMs = isMissing ? (this.#missingMs.get(service) ?? performance.now()) : undefined;
    if (sinceMs === undefined) {
      this.#missingMs.delete(service);
      return;
    }
    this.#missingMs.set(service, sinceMs);
    if (performance.now() - sinceMs < journalPatienceMs) return;
    this.#missingMs.set(service, Number.POSITIVE_INFINITY);
    this.#log(
      "error",
      `cannot follow the changes of ${service.service} because there is no ${service.journalName}; start the partition with a journal (--journal-size 16M)`,
    );
  }
}
