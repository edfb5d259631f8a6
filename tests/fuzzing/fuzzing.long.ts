// One million spoiled inputs: no crash, no hang, memory flat. CPC_FUZZ_SEED gives another seed; the one used is printed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { tell } from "../../benchmarks/report.ts";
import { growthMiB, runCampaign } from "./campaign.ts";
import type { TargetName } from "./targets.ts";

const seed = Number(process.env["CPC_FUZZ_SEED"] ?? 1);

/** Most where an input costs least; over sockets as many as an hour allows. */
const counts: Readonly<Record<TargetName, number>> = {
  "modbus-stream": 600_000,
  "modbus-device": 20_000,
  "opcua-messages": 375_000,
  "opcua-server": 5000,
};

for (const [target, count] of Object.entries(counts) as [TargetName, number][]) {
  test(`${target}: ${count} inputs of seed ${seed}`, { timeout: 60 * 60_000 }, async () => {
    const figures = await runCampaign({ target, seed, count });
    const { name, inputs, seconds, slowestMs, memoryMiB, notes } = figures;
    tell({
      question: name,
      lines: [
        { what: "inputs", figure: inputs, wanted: String(count) },
        { what: "inputs/s", figure: inputs / seconds },
        { what: "slowest input, ms", figure: slowestMs },
        { what: "crashes, hangs, broken promises", figure: 0, wanted: "0" },
        { what: "memory after a tenth, MiB", figure: memoryMiB[1] ?? 0 },
        { what: "memory at the end, MiB", figure: memoryMiB.at(-1) ?? 0 },
        { what: "growth, MiB", figure: growthMiB(figures), wanted: "0" },
        ...Object.entries(notes).map(([what, figure]) => ({ what, figure })),
      ],
      remarks: [`seed ${seed}`],
    });
    assert.equal(inputs, count);
    assert.equal(growthMiB(figures), 0);
  });
}
