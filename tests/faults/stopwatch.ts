// How long something takes, and how much of that the machine took: what the kernel counts for threads that were ready to run and had no
// processor at that moment is the control of every limit in time. On a machine that is free both are the same.

import { readdirSync, readFileSync } from "node:fs";

/** A process that ends takes its figures along, so they are looked at all the time. */
const lookMs = 10;

export class Stopwatch {
  readonly #startMs = performance.now();
  readonly #before: ReadonlyMap<number, number>;
  readonly #waitedMs: Map<number, number>;
  readonly #timer: NodeJS.Timeout;

  /** `processIds`: who does the work, besides this process. */
  constructor(...processIds: readonly number[]) {
    this.#before = new Map([process.pid, ...processIds].map((id) => [id, waitedForProcessorMs(id)]));
    this.#waitedMs = new Map(this.#before);
    this.#timer = setInterval(() => this.#look(), lookMs).unref();
  }

  /** Milliseconds so far without those that the machine took; with `limitMs`, whether that is within it, in words. */
  stop(limitMs: number): { readonly isWithin: boolean; readonly text: string } {
    this.#look();
    clearInterval(this.#timer);
    const wallMs = performance.now() - this.#startMs;
    const waitsMs = [...this.#waitedMs].map(([id, waitedMs]) => waitedMs - (this.#before.get(id) ?? 0));
    const ownMs = wallMs - waitsMs.reduce((sum, waitMs) => sum + waitMs, 0);
    const text = `${Math.round(wallMs)} ms, ${Math.round(ownMs)} ms without the waits for a processor, and ${limitMs} are allowed`;
    return { isWithin: ownMs < limitMs, text };
  }

  #look(): void {
    for (const [id, beforeMs] of this.#waitedMs) this.#waitedMs.set(id, Math.max(beforeMs, waitedForProcessorMs(id)));
  }
}

/** How long the thread of the process that waited longest was ready to run and had no processor; 0 for a process that is gone. */
export function waitedForProcessorMs(processId: number): number {
  return Math.max(0, ...waitsForProcessorMs(processId).values());
}

/** The same of each thread, by its number; of none for a process that is gone. */
export function waitsForProcessorMs(processId: number): ReadonlyMap<string, number> {
  try {
    const threads = readdirSync(`/proc/${processId}/task`);
    return new Map(threads.map((thread) => [thread, waitedNs(processId, thread) / 1e6]));
  } catch {
    return new Map();
  }
}

/** Nanoseconds on a processor, nanoseconds ready for one, time slices: Documentation/scheduler/sched-stats.rst. */
function waitedNs(processId: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${processId}/task/${thread}/schedstat`, "utf8").split(" ")[1] ?? 0);
  } catch {
    return 0; // it ended between listing and looking
  }
}
