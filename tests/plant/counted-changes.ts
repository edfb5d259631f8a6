// Values of servers that count all along, and the journals that they have to be in, whatever happens to the partition meanwhile: every number, and in
// each journal in their order.

import assert from "node:assert/strict";
import { OpenedJournal } from "../../packages/image/src/opened-journal.ts";
import type { Lifetime } from "../image/posix/own-objects.ts";

/** Each value has numbers of its own, by which a journal shows whose they are. */
const numbersOfEach = 1_000_000;

export class CountedChanges {
  readonly #set: readonly ((value: number) => void)[];
  readonly #journal: OpenedJournal;
  readonly #timer: NodeJS.Timeout;
  /** Of each value, those of each journal. */
  readonly #found: readonly number[][][];
  #lost = 0n;
  #last = 0;

  /** `set` gives each value its next number. */
  constructor(t: Lifetime, journal: string, set: readonly ((value: number) => void)[], everyMs: number) {
    this.#set = set;
    this.#found = set.map(() => [[]]);
    this.#journal = new OpenedJournal(journal, "oldest");
    this.#timer = setInterval(() => this.#step(), everyMs);
    t.after(() => {
      this.stop();
      this.#journal.close();
    });
  }

  /** The last number of each. */
  get last(): number {
    return this.#last;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The journal has the last number of each. */
  get isComplete(): boolean {
    this.#read();
    return this.#found.every((journals) => journals.at(-1)?.at(-1) === this.#last);
  }

  judge(): void {
    assert.equal(this.#lost, 0n);
    for (const journals of this.#found) {
      for (const numbers of journals)
        assert.deepEqual(
          numbers,
          numbers.toSorted((one, other) => one - other),
        );
      const all = new Set(journals.flat());
      const first = Math.min(...all);
      const expected = Array.from({ length: this.#last - first + 1 }, (_, step) => first + step);
      assert.deepEqual(
        expected.filter((number) => !all.has(number)),
        [],
        "missing in the journals",
      );
    }
  }

  #step(): void {
    this.#last++;
    for (const [place, set] of this.#set.entries()) set(place * numbersOfEach + this.#last);
    this.#read();
  }

  #read(): void {
    for (;;) {
      const { changes, lost, isNewJournal, isEnd } = this.#journal.next();
      this.#lost += lost;
      for (const [place, journals] of this.#found.entries()) {
        if (isNewJournal) journals.push([]);
        for (const { value } of changes) {
          const number = typeof value === "number" ? value - place * numbersOfEach : 0;
          if (number > 0 && number < numbersOfEach) journals.at(-1)?.push(number);
        }
      }
      if (isEnd) return;
    }
  }
}
