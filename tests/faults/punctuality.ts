// How late documents come, as somebody sees it who looks all the time and touches nothing: not even the guard.
//
// A document is late by so much *at least*: what was not written at one look and is at the next may have come right after the first.
// So a look that this machine delays makes nobody look late. When documents are due is taken from a time in which nothing is wrong.

import { once } from "node:events";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { Grid } from "../../packages/process/src/schedule.ts";

/** A document was not written yet, and was. */
export interface Arrival {
  readonly absentMs: number;
  readonly seenMs: number;
}

/** The monotonic clock of the machine, the same in every thread. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export class ArrivalWatch {
  readonly #worker: Worker;
  readonly #stop = new Int32Array(new SharedArrayBuffer(4));
  readonly #looking: Promise<unknown>;
  #ended: Promise<readonly (readonly Arrival[])[]> | undefined;

  private constructor(paths: readonly string[]) {
    const workerData = { paths, stop: this.#stop };
    this.#worker = new Worker(new URL("./arrival-watcher.ts", import.meta.url), { workerData });
    this.#looking = once(this.#worker, "message");
  }

  /** Resolves when it looks. */
  static async start(t: TestContext, paths: readonly string[]): Promise<ArrivalWatch> {
    const watch = new ArrivalWatch(paths);
    t.after(() => watch.end());
    await watch.#looking;
    return watch;
  }

  /** What came to each of the paths, in their order. */
  end(): Promise<readonly (readonly Arrival[])[]> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<readonly (readonly Arrival[])[]> {
    const gone = once(this.#worker, "exit");
    const arrived = once(this.#worker, "message");
    Atomics.store(this.#stop, 0, 1);
    Atomics.notify(this.#stop, 0);
    const [arrivals] = (await arrived) as [readonly (readonly Arrival[])[]];
    await gone;
    return arrivals;
  }
}

/** When documents are due, from when they usually came until `endMs`. */
export function usualGrid(arrivals: readonly Arrival[], intervalMs: number, endMs: number): Grid {
  const [first, ...others] = arrivals.filter(({ seenMs }) => seenMs < endMs).map(({ seenMs }) => seenMs);
  if (first === undefined || others.length < 5) throw new TypeError(`only ${others.length} documents came`);
  // From half an interval before the first to half an interval after it.
  const offsets = others.map((seenMs) => {
    const phase = (seenMs - first) % intervalMs;
    return phase < intervalMs / 2 ? phase : phase - intervalMs;
  });
  return new Grid(first + quantile([0, ...offsets], 0.5), intervalMs);
}

/** For each document that was due in this time, how late it was at least; one that never came counts until `endMs`. */
export function lateness(arrivals: readonly Arrival[], due: Grid, startMs: number, endMs: number): readonly number[] {
  const late: number[] = [];
  // Documents come a little earlier or later than usual.
  const earliestMs = due.intervalMs / 2;
  for (let tick = due.after(startMs); due.instantMs(tick) < endMs - due.intervalMs; tick++) {
    const dueMs = due.instantMs(tick);
    const arrival = arrivals.find(({ seenMs }) => seenMs >= dueMs - earliestMs);
    late.push(Math.max(0, (arrival?.absentMs ?? endMs) - dueMs));
  }
  return late;
}

/** For each document that came in this time, how long after an instant at which one is due it came at least. */
export function delays(arrivals: readonly Arrival[], due: Grid, startMs: number, endMs: number): readonly number[] {
  return arrivals
    .filter(({ seenMs }) => seenMs >= startMs && seenMs < endMs)
    .map(({ absentMs, seenMs }) => Math.max(0, absentMs - due.instantMs(due.after(seenMs) - 1)));
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function inWords(values: readonly number[]): string {
  const [median, p90, p99, most] = [0.5, 0.9, 0.99, 1].map((share) => quantile(values, share).toFixed(1));
  return `${values.length} documents, late by ${median} (median), ${p90} (p90), ${p99} (p99), ${most} ms (most)`;
}
