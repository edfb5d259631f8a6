// How long a thread may read configuration files: so much processor time, and so long without using any. Time on the clock alone would refuse a
// valid large file on a busy machine; processor time alone would wait for ever for a file system that does not answer.

import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

export interface TimeBounds {
  readonly processorMs: number;
  /** On the clock, in which the thread did nothing at all. */
  readonly standstillMs: number;
}

export class ReadingLimit {
  readonly #bounds: TimeBounds;
  #usedMs = 0;
  #progressMs: number;

  constructor(bounds: TimeBounds, nowMs: number) {
    this.#bounds = bounds;
    this.#progressMs = nowMs;
  }

  /** What is over, if anything. `usedMs`: processor time so far, undefined when it cannot be told; `nowMs`: monotonic. */
  exceeded(usedMs: number | undefined, nowMs: number): keyof TimeBounds | undefined {
    if (usedMs !== undefined && usedMs > this.#usedMs) {
      this.#usedMs = usedMs;
      this.#progressMs = nowMs;
    }
    if (this.#usedMs > this.#bounds.processorMs) return "processorMs";
    return nowMs - this.#progressMs > this.#bounds.standstillMs ? "standstillMs" : undefined;
  }
}

/** By which the system knows the thread that asks; undefined where /proc cannot be read. */
export function ownThreadId(): number | undefined {
  try {
    return Number(basename(readlinkSync("/proc/thread-self")));
  } catch {
    return undefined;
  }
}

/** The system counts in hundredths of a second, whatever its clock: USER_HZ. */
const msInTick = 10;
/** utime and stime, counted from the state, which stands behind the name. proc_pid_stat(5) */
const [userField, systemField] = [11, 12];

/** What a thread of this process has used so far; undefined when it is not there. */
export function processorMsOf(threadId: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/self/task/${threadId}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return msInTick * (Number(fields[userField]) + Number(fields[systemField]));
  } catch {
    return undefined;
  }
}
