// Who decodes a large message when. Each turn of the event loop brings one of them, of whatever connection, and the smallest that waits:
// timers and the answers of other servers have their turn in between.

interface Waiting {
  readonly bytes: number;
  readonly work: () => void;
}

export class Turns {
  readonly #waiting: Waiting[] = [];

  /** `work` is done in a later turn. */
  wait(bytes: number, work: () => void): void {
    this.#waiting.push({ bytes, work });
    if (this.#waiting.length === 1) setImmediate(this.#next);
  }

  readonly #next = (): void => {
    const smallest = this.#waiting.reduce((least, one) => (one.bytes < least.bytes ? one : least));
    this.#waiting.splice(this.#waiting.indexOf(smallest), 1);
    if (this.#waiting.length > 0) setImmediate(this.#next);
    smallest.work();
  };
}

/** Of the thread. */
export const turns = new Turns();
