// How long something short takes: batches, so that the clock costs nothing, in turns, so that all meet the same moods of the machine.

import { quantile } from "./report.ts";

export interface Contestant {
  readonly name: string;
  /** `round` grows with every call. */
  readonly run: (round: number) => void;
  /** Called before each `run` and not timed; then a batch is one call. */
  readonly prepare?: (round: number) => void;
}

export interface Timing {
  readonly medianUs: number;
  readonly p99Us: number;
}

/** Median and 99th percentile of the batches' means, by name. */
export function timeInTurns(
  contestants: readonly Contestant[],
  batches: number,
  callsPerBatch: number,
): Map<string, Timing> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  let round = 0;
  for (let batch = -batches / 10; batch < batches; batch++) {
    for (const { name, run, prepare } of contestants) {
      const calls = prepare === undefined ? callsPerBatch : 1;
      prepare?.(++round);
      const startMs = performance.now();
      for (let call = 0; call < calls; call++) run(++round);
      const us = ((performance.now() - startMs) * 1000) / calls;
      if (batch >= 0) samples.get(name)?.push(us); // the first ones only warm up
    }
  }
  return new Map([...samples].map(([name, us]) => [name, { medianUs: quantile(us, 0.5), p99Us: quantile(us, 0.99) }]));
}

export function medianUs(timings: ReadonlyMap<string, Timing>, name: string): number {
  return timings.get(name)?.medianUs ?? Number.NaN;
}
