// The last changes of one point, from the journal: what was there when the detail is opened, and what comes while it is open.

import { ImageError } from "@cpc-partition/image/read-directory";
import type { Change } from "@cpc-partition/image/journal-reader";
import { OpenedJournal } from "@cpc-partition/image/opened-journal";
import type { WatchedPoint } from "./watched-plant.ts";

const mostChanges = 1000;
/** Of a full journal there is more to read than one screen may wait for. */
const longestReadMs = 30;
const changesAtATime = 5000;

export class History implements Disposable {
  readonly #journal: OpenedJournal;
  readonly #point: WatchedPoint;
  #changes: Change[] = [];

  constructor(prefix: string, point: WatchedPoint) {
    this.#journal = new OpenedJournal(`${prefix}${point.service}_journal`, "oldest");
    this.#point = point;
  }

  /** Whose history it is. */
  get point(): WatchedPoint {
    return this.#point;
  }

  /** The latest changes that were read so far, oldest first; none without a journal. */
  read(): readonly Change[] {
    const { image, group, index } = this.#point;
    const number = group.firstPoint + index;
    const isWanted = (point: number, generation: number): boolean =>
      point === number && generation >= image.pointsSince;
    const endMs = performance.now() + longestReadMs;
    try {
      for (;;) {
        const { changes, isEnd } = this.#journal.next(changesAtATime, isWanted);
        if (this.#journal.startedNs === image.startedNs) this.#changes.push(...changes);
        if (isEnd || performance.now() > endMs) break;
      }
    } catch (error) {
      if (!(error instanceof ImageError)) throw error; // it contradicts itself: what was read before stays
    }
    if (this.#changes.length > mostChanges) this.#changes = this.#changes.slice(-mostChanges);
    return this.#changes;
  }

  [Symbol.dispose](): void {
    this.#journal.close();
  }
}
