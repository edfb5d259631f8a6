// Which call to the system is to fail, how, and how often: ordered by the test, carried out in whatever thread the calls are made in.

import { errno } from "../../packages/image/src/posix/errno.ts";
import type { FaultInjector } from "../../packages/image/src/posix/libc.ts";
import { plausibleErrnos, type ErrnoName } from "../image/posix/plausible-errnos.ts";

const functions = [...plausibleErrnos.keys()];
/** Places in the shared words. */
const calls = 0;
const wanted = 1;
const choice = 2;
const timesLeft = 3;
/** Of the call that failed, among `functions`; `none` so far. */
const failed = 4;
const words = 5;
const none = -1;

export interface Happened {
  readonly syscall: string;
  readonly code: ErrnoName;
}

export class OrderedFault {
  /** For the other thread: `new OrderedFault(memory)`. */
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory = new SharedArrayBuffer(4 * words)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /**
   * The n-th call from now on (0: the next) fails with the i-th errno plausible for it, counted around, and so do the next calls of that
   * function.
   */
  order(n: number, i: number, times = 1): void {
    this.forget();
    for (const [place, value] of [
      [calls, 0],
      [wanted, n],
      [choice, i],
      [failed, none],
    ] as const)
      Atomics.store(this.#words, place, value);
    Atomics.store(this.#words, timesLeft, times);
  }

  /** From now on no call fails. */
  forget(): void {
    Atomics.store(this.#words, timesLeft, 0);
  }

  /** Since the last order. */
  get calls(): number {
    return Atomics.load(this.#words, calls);
  }

  /** Every call that was to fail has failed. */
  get isOver(): boolean {
    return Atomics.load(this.#words, timesLeft) === 0;
  }

  /** What was ordered, once the first call has failed. */
  get happened(): Happened | undefined {
    const syscall = functions[Atomics.load(this.#words, failed)];
    return syscall === undefined ? undefined : { syscall, code: this.#codeFor(syscall) };
  }

  /** For `injectFaults`, in the thread whose calls are to fail. */
  readonly injector: FaultInjector = (syscall) => {
    // Has no way to fail: clock_gettime with a clock that exists.
    if (!plausibleErrnos.has(syscall)) return undefined;
    const call = Atomics.add(this.#words, calls, 1);
    if (this.isOver) return undefined;
    const { happened } = this;
    if (happened === undefined ? call !== Atomics.load(this.#words, wanted) : happened.syscall !== syscall)
      return undefined;
    Atomics.store(this.#words, failed, functions.indexOf(syscall));
    Atomics.sub(this.#words, timesLeft, 1);
    return errno[this.#codeFor(syscall)];
  };

  #codeFor(syscall: string): ErrnoName {
    const codes = plausibleErrnos.get(syscall) ?? [];
    const code = codes[Atomics.load(this.#words, choice) % codes.length];
    if (code === undefined) throw new TypeError(`no errno is known for ${syscall}`);
    return code;
  }
}
