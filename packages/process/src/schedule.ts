// Time as the loops see it: a grid of absolute instants on the monotonic clock, so nothing drifts, and a wait that can be cut short.

/** Milliseconds on the monotonic clock, from an arbitrary start. */
export type MonotonicClock = () => number;

/** What `performance.now` counts from, another instant in every thread. A pause between the two clocks makes it look earlier. */
const threadStartMs = Math.max(
  ...Array.from({ length: 10 }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now()),
);

/** CLOCK_MONOTONIC, the same to some microseconds in every thread and process of the machine. */
export const monotonicMs: MonotonicClock = () => threadStartMs + performance.now();

/** What the runtime's timers count up to. */
const longestTimerMs = 2 ** 31 - 1;

/** The instants start, start + interval, start + 2 interval, ... */
export class Grid {
  readonly startMs: number;
  readonly intervalMs: number;

  constructor(startMs: number, intervalMs: number) {
    this.startMs = startMs;
    this.intervalMs = intervalMs;
  }

  /** The number of the first instant that is later than `nowMs`. */
  after(nowMs: number): number {
    return Math.max(0, Math.floor((nowMs - this.startMs) / this.intervalMs) + 1);
  }

  instantMs(number: number): number {
    return this.startMs + number * this.intervalMs;
  }
}

/**
 * A wait that ends when its time is over or when somebody rings, whichever comes first. A ring while nobody waits ends the next wait. A
 * wait without end is one of 24 days.
 */
export class Alarm {
  #isRung = false;
  /** While somebody waits. */
  #end: ((isRung: boolean) => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  ring(): void {
    if (this.#end === undefined) this.#isRung = true;
    else this.#finish(true);
  }

  /** True when it was rung. */
  wait(durationMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#end = resolve;
      if (this.#isRung) this.#finish(true);
      else this.#timer = setTimeout(this.#timeIsOver, Math.min(longestTimerMs, Math.max(0, durationMs)));
    });
  }

  /** Waits for a ring alone, and for that keeps no process alive. */
  rung(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#end = resolve;
      if (this.#isRung) this.#finish(true);
    });
  }

  readonly #timeIsOver = (): void => this.#finish(false);

  #finish(isRung: boolean): void {
    clearTimeout(this.#timer);
    this.#isRung = false;
    this.#end?.(isRung);
    this.#end = undefined;
  }
}
