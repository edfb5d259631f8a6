// One fault as a named case: what is done to the partition or to what is around it, what must hold meanwhile, how long it may take.
//
// Each case ends with a leak check of this process, after everything the case had was given back. The leak check of the partition,
// which is another process, is in tested-partition.ts.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { leftovers, openResources } from "./resources.ts";

export type FaultArea = "OPC UA server" | "Modbus server" | "Consumer" | "Machine" | "System calls";

const extents = ["quick", "usual", "long"] as const;
/** quick: with every `npm test`; usual: before a change lands; long: only when everything is to be tried. */
export type Extent = (typeof extents)[number];

export interface Fault {
  readonly area: FaultArea;
  /** What is done: "the device dies in the middle of a read". */
  readonly trigger: string;
  /** What must hold, as a claim. */
  readonly holds: string;
  /** Default usual. */
  readonly extent?: Extent;
  /** When the case counts as hung. At least 3 minutes: on a machine with forty times the work that it can do, cases of seconds take two. */
  readonly limitMs?: number;
  readonly run: (t: TestContext) => Promise<void> | void;
}

const leastLimitMs = 180_000;
const extent = extents.find((name) => name === process.env["CPC_FAULTS"]) ?? "quick";

/** How often something is done, by the extent of this run. */
export function times(counts: Readonly<Record<Extent, number>>): number {
  return counts[extent];
}

/** Cases of this extent are among those of this run. */
export function isTried(wanted: Extent): boolean {
  return extents.indexOf(wanted) <= extents.indexOf(extent);
}

export function fault({ area, trigger, holds, extent: wanted = "usual", limitMs = leastLimitMs, run }: Fault): void {
  if (!isTried(wanted)) return;
  const timeout = Math.max(limitMs, leastLimitMs);
  test(`${area}: ${trigger}`, { timeout: timeout + leastLimitMs }, async (t) => {
    const before = openResources();
    // A subtest gives back what it registered before the outer one goes on.
    await t.test(holds, { timeout }, run);
    assert.deepEqual(await leftovers(before), [], "left behind");
  });
}
