// One million spoiled inputs: no crash, no hang, memory flat. CPC_FUZZ_SEED gives another seed; the one used is printed.
// CPC_FUZZ_SECONDS gives each target that much time in place of its number of inputs.

import assert from "node:assert/strict";
import { test } from "node:test";

import { tell } from "../../benchmarks/report.ts";
import { growthMiB, runCampaign } from "./campaign.ts";
import type { TargetName } from "./targets.ts";

const seed = Number(process.env["CPC_FUZZ_SEED"] ?? 1);

const seconds = process.env["CPC_FUZZ_SECONDS"] === undefined ? undefined : Number(process.env["CPC_FUZZ_SECONDS"]);
const watchdogMs = 60 * 60_000 + (seconds ?? 0) * 1000;

/** Most where an input costs least; over sockets as many as an hour allows. */
const counts: Readonly<Record<TargetName, number>> = {
  "modbus-stream": 600_000,
  "modbus-device": 20_000,
  "modbus-rtu": 20_000,
  "modbus-tls": 10_000,
  "opcua-messages": 375_000,
  "opcua-before-trust": 20_000,
  "opcua-server": 5000,
};

const remarks: Partial<Readonly<Record<TargetName, readonly string[]>>> = {
  "modbus-tls": [
    "the servers have a thread of their own; a neighbour is asked every 10 ms, and an input that keeps the thread busy for 50 ms at a time breaks a promise",
  ],
  "opcua-before-trust": [
    "eight clients at once, the rogue in the same thread: time on the processor has its work in it",
  ],
  "opcua-server": [
    "the server is in the same thread, so its memory counts as well; eight clients at once, so the slowest input is the longest wait for a free one",
  ],
};

for (const [target, count] of Object.entries(counts) as [TargetName, number][]) {
  const extent = seconds === undefined ? `${count} inputs` : `${seconds} s`;
  test(`${target}: ${extent} of seed ${seed}`, { timeout: watchdogMs }, async () => {
    const figures = await runCampaign({ target, seed, count, seconds });
    const { name, inputs, seconds: workingSeconds, slowestMs, memoryMiB, notes } = figures;
    tell({
      question: name,
      lines: [
        seconds === undefined
          ? { what: "inputs", figure: inputs, wanted: String(count) }
          : { what: `inputs in ${seconds} s`, figure: inputs },
        { what: "inputs/s", figure: inputs / workingSeconds },
        { what: "slowest input, ms", figure: slowestMs },
        { what: "crashes, hangs, broken promises", figure: 0, wanted: "0" },
        { what: "memory at each tenth, MiB", figure: memoryMiB.map((one) => Math.round(one)).join(" ") },
        { what: "growth, MiB", figure: growthMiB(figures), wanted: "0" },
        ...Object.entries(notes).map(([what, figure]) => ({ what, figure })),
      ],
      remarks: [`seed ${seed}`, ...(remarks[target] ?? [])],
    });
    if (seconds === undefined) assert.equal(inputs, count);
    assert.equal(growthMiB(figures), 0);
  });
}
