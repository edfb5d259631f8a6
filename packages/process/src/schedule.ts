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

/** Those who wait for the same instant share a timer. A thousand devices would have a thousand, each set anew at every tick. */
class Appointment {
  readonly #ends = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  readonly #over: () => void;

  /** `over` is called when nobody can join any more. */
  constructor(durationMs: number, over: () => void) {
    this.#over = over;
    this.#timer = setTimeout(() => {
      over();
      for (const end of this.#ends) end();
    }, timerMs(durationMs));
  }

  join(end: () => void): void {
    this.#ends.add(end);
  }

  leave(end: () => void): void {
    if (!this.#ends.delete(end) || this.#ends.size > 0) return;
    clearTimeout(this.#timer);
    this.#over();
  }
}

/** The instants start, start + interval, start + 2 interval, ... */
export class Grid {
  readonly startMs: number;
  readonly intervalMs: number;
  /** By the number of the instant. */
  readonly #appointments = new Map<number, Appointment>();

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

  /** Somebody waits for this instant. */
  appointment(number: number, nowMs: number): Appointment {
    const made = this.#appointments.get(number);
    if (made !== undefined) return made;
    const appointment = new Appointment(this.instantMs(number) - nowMs, () => this.#appointments.delete(number));
    this.#appointments.set(number, appointment);
    return appointment;
  }
}

/** The grids of several intervals, which begin together. */
export class Grids {
  readonly startMs: number;
  readonly #usualMs: number;
  readonly #grids = new Map<number, Grid>();

  constructor(startMs: number, usualMs: number) {
    this.startMs = startMs;
    this.#usualMs = usualMs;
  }

  /** The same object for the same interval. */
  of(intervalMs = this.#usualMs): Grid {
    const made = this.#grids.get(intervalMs) ?? new Grid(this.startMs, intervalMs);
    this.#grids.set(intervalMs, made);
    return made;
  }
}

function timerMs(durationMs: number): number {
  return Math.min(longestTimerMs, Math.max(0, durationMs));
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
      else this.#timer = setTimeout(this.#timeIsOver, timerMs(durationMs));
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

/**
 * The same for one of many who wait for instants of a grid, again and again. `over` is called at the end of each wait: what a promise needs for
 * a thousand of them would outlive a collection of garbage, which copies it.
 */
export class GridAlarm {
  readonly #over: (isRung: boolean) => void;
  #isRung = false;
  /** While it waits. */
  #appointment: Appointment | undefined;

  constructor(over: (isRung: boolean) => void) {
    this.#over = over;
  }

  ring(): void {
    if (this.#appointment === undefined) {
      this.#isRung = true;
      return;
    }
    this.#appointment.leave(this.#timeIsOver);
    this.#finish(true);
  }

  /** `over` may be called before this returns: it was rung. */
  waitUntil(grid: Grid, number: number, nowMs: number): void {
    if (this.#isRung) {
      this.#finish(true);
      return;
    }
    this.#appointment = grid.appointment(number, nowMs);
    this.#appointment.join(this.#timeIsOver);
  }

  readonly #timeIsOver = (): void => this.#finish(false);

  #finish(isRung: boolean): void {
    this.#appointment = undefined;
    this.#isRung = false;
    this.#over(isRung);
  }
}
