// The guard of one consumer's segment, as its writer sees it: a semaphore used as a mutex, with a bounded wait.
//
// A consumer can die or hang while it holds the guard, post it too often, remove it or destroy it. The promise: an action is
// run at most `boundMs` (and one turn of the event loop) later than asked for, the event loop is never blocked, no other
// consumer waits along, and the value returns to 1.
//   first time-out in a row   the action is left out: the holder may be slow
//   second                    the holder is taken for gone: the action runs without the guard, which is then set free
// A holder that comes back after that gives back a permit too many; such surplus is drained with the next take.
// Not promised: exclusion against a holder that is alive and slower than two publications.

import { setImmediate } from "node:timers/promises";
import { UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { NamedSemaphore } from "@cpc-partition/image/posix/named-semaphore";

export interface GuardTiming {
  /** Longest wait for one action. */
  readonly boundMs: number;
  /** Monotonic. */
  nowMs(): number;
  /** Resolves a moment later and lets the event loop turn in between. */
  step(): Promise<void>;
}

/**
 * A step is a turn of the event loop, not a timer: consumers that take the guard again and again leave gaps of microseconds,
 * which steps of a millisecond would miss. It costs a processor for `boundMs` at worst, and only while the guard is held.
 */
export const guardTiming: GuardTiming = {
  boundMs: 8,
  nowMs: () => performance.now(),
  step: () => setImmediate(),
};

/** Runs a step that uses the semaphore: a consumer that cuts the semaphore's file can end the process in the middle of it. */
export type SemaphoreUse = <Result>(semaphoreName: string, step: () => Result) => Result;
export const plainUse: SemaphoreUse = (_name, step) => step();

export type GuardOutcome =
  /** The action ran under the guard. `isFirst`: it was the first with this semaphore, so surplus permits may be those it was made with. */
  | { readonly kind: "Done"; readonly waitedMs: number; readonly surplusPermits: number; readonly isFirst: boolean }
  /** Not free in time: the action did not run. `cause`: what is wrong with the semaphore itself. */
  | { readonly kind: "Skipped"; readonly waitedMs: number; readonly cause: unknown }
  /** Not free in time again: the action ran all the same. */
  | { readonly kind: "Seized"; readonly waitedMs: number; readonly cause: unknown }
  /** The action threw, or the guard could not be given back after it. */
  | { readonly kind: "Failed"; readonly error: unknown };

export interface GuardCounters {
  timeOuts: number;
  seizures: number;
  surplusPermits: number;
}

/** Permits drained in one go; more than that is garbage, which the semaphore's owner replaces. */
const maxDrained = 1000;

export class Guard {
  readonly name: string;
  readonly counters: GuardCounters = { timeOuts: 0, seizures: 0, surplusPermits: 0 };
  readonly #timing: GuardTiming;
  readonly #use: SemaphoreUse;
  #semaphore: NamedSemaphore | undefined;
  #waiting: Promise<GuardOutcome> | undefined;
  #timeOutsInRow = 0;
  /** The present semaphore was taken before. */
  #wasTaken = false;
  #isClosed = false;

  /** A semaphore that cannot be opened is not an error here: its owner puts it back, and each action looks again. */
  constructor(semaphoreName: string, timing: GuardTiming = guardTiming, use: SemaphoreUse = plainUse) {
    this.name = semaphoreName;
    this.#use = use;
    this.#timing = timing;
  }

  /** A writer before this one died, perhaps while it held the guard: the next time-out counts as the second in a row. */
  distrustHolder(): void {
    this.#timeOutsInRow = Math.max(1, this.#timeOutsInRow);
  }

  /** Opens its semaphore now if it can, before others take the last descriptor: without the semaphore it is no guard. */
  open(): void {
    failureOf(() => this.#current());
  }

  /**
   * Runs the action under the guard: at once when it is free. Never throws or rejects. While an action waits, a further call joins it: the
   * action runs once for both.
   */
  run(action: () => void): GuardOutcome | Promise<GuardOutcome> {
    if (this.#waiting !== undefined) return this.#waiting;
    const startMs = this.#timing.nowMs();
    let semaphore: NamedSemaphore;
    try {
      semaphore = this.#current();
    } catch (error) {
      return this.#timedOut(action, startMs, error);
    }
    const outcome = this.#attempt(semaphore, action, startMs);
    if (outcome !== undefined) return outcome;
    this.#waiting = this.#wait(semaphore, action, startMs);
    return this.#waiting;
  }

  /** An action that still waits ends as if its time were over. Harmless when done before. */
  close(): void {
    this.#isClosed = true;
    if (this.#waiting === undefined) this.#closeSemaphore();
  }

  async #wait(semaphore: NamedSemaphore, action: () => void, startMs: number): Promise<GuardOutcome> {
    let outcome: GuardOutcome | undefined;
    do {
      await this.#timing.step();
      outcome = this.#attempt(semaphore, action, startMs);
    } while (outcome === undefined);
    // How the action ended is what was asked; nobody could do anything about the rest.
    if (this.#isClosed) failureOf(() => this.#closeSemaphore());
    return outcome;
  }

  /** Undefined when the guard is held and there is time left. */
  #attempt(semaphore: NamedSemaphore, action: () => void, startMs: number): GuardOutcome | undefined {
    let surplusPermits: number | undefined;
    let cause: unknown;
    try {
      surplusPermits = this.#take(semaphore);
      if (surplusPermits === undefined && !this.#isClosed && this.#waitedMs(startMs) < this.#timing.boundMs)
        return undefined;
    } catch (error) {
      cause = error;
    }
    // From here to the end without a turn of the event loop: who comes later gets a run of his own.
    this.#waiting = undefined;
    return surplusPermits === undefined
      ? this.#timedOut(action, startMs, cause)
      : this.#taken(action, startMs, surplusPermits);
  }

  #waitedMs(startMs: number): number {
    return this.#timing.nowMs() - startMs;
  }

  /** The number of surplus permits drained, undefined when the guard is not free. */
  #take(semaphore: NamedSemaphore): number | undefined {
    const permits = this.#use(this.name, () => semaphore.take());
    if (permits === 0) return undefined;
    let drained = 0;
    if (permits === 1) return drained;
    try {
      this.#use(this.name, () => {
        while (drained < maxDrained && semaphore.value() > 0 && semaphore.tryWait()) drained++;
      });
    } catch (error) {
      failureOf(() => this.#use(this.name, () => semaphore.post()));
      throw error;
    }
    return drained;
  }

  #taken(action: () => void, startMs: number, surplusPermits: number): GuardOutcome {
    const waitedMs = this.#waitedMs(startMs);
    const isFirst = !this.#wasTaken;
    this.#wasTaken = true;
    this.#timeOutsInRow = 0;
    this.counters.surplusPermits += surplusPermits;
    const failure = failureOf(action);
    const leftHeld = failureOf(() => this.#setFree());
    return failure ?? leftHeld ?? { kind: "Done", waitedMs, surplusPermits, isFirst };
  }

  #timedOut(action: () => void, startMs: number, cause: unknown): GuardOutcome {
    const waitedMs = this.#waitedMs(startMs);
    this.counters.timeOuts++;
    this.#timeOutsInRow++;
    if (this.#timeOutsInRow <= 1 || this.#isClosed) return { kind: "Skipped", waitedMs, cause };
    this.counters.seizures++;
    const failure = failureOf(action);
    const leftHeld = failureOf(() => this.#setFree());
    // A guard that cannot be set free stays seized: no further action is left out for it.
    if (leftHeld === undefined) this.#timeOutsInRow = 0;
    return failure ?? { kind: "Seized", waitedMs, cause: cause ?? leftHeld?.error };
  }

  /** Brings the value to 1, unless somebody else has done so already. */
  #setFree(): void {
    const semaphore = this.#semaphore;
    if (semaphore === undefined) throw new UnsuitableObjectError("set free guard", this.name, "it is not open");
    this.#use(this.name, () => {
      if (!semaphore.postWhenNone()) this.counters.surplusPermits++;
    });
  }

  /** The semaphore that the name leads to now; the one before as long as the name leads nowhere. */
  #current(): NamedSemaphore {
    if (this.#isClosed) throw new UnsuitableObjectError("take guard", this.name, "it is closed");
    const before = this.#semaphore;
    if (before?.isLinked() === true) return before;
    const opened = this.#use(this.name, () => NamedSemaphore.openExisting(this.name));
    if (opened !== undefined) {
      this.#semaphore = opened;
      this.#wasTaken = false;
      before?.close();
      return opened;
    }
    if (before === undefined) {
      throw new UnsuitableObjectError("take guard", this.name, "there is no semaphore of that name");
    }
    return before;
  }

  #closeSemaphore(): void {
    const semaphore = this.#semaphore;
    this.#semaphore = undefined;
    semaphore?.close();
  }
}

function failureOf(step: () => void): { readonly kind: "Failed"; readonly error: unknown } | undefined {
  try {
    step();
    return undefined;
  } catch (error) {
    return { kind: "Failed", error };
  }
}
