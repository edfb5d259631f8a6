// Lets the publisher wait a moment for the polls that began with the same tick, so that a document shows the newest values.

export class PollsInFlight {
  #count = 0;
  #idle: (() => void) | undefined;

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count === 0) this.#idle?.();
  }

  /** Resolves when no poll runs, but after `limitMs` at the latest. */
  async idle(limitMs: number): Promise<void> {
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#idle = undefined;
  }
}
