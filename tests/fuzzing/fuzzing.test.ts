// The short form of fuzzing.long.ts. CPC_FUZZ_SEED gives it another seed.

import assert from "node:assert/strict";
import { test } from "node:test";

import { growthMiB, runCampaign } from "./campaign.ts";
import { isFaultOfNodeOpcUa } from "./fault-of-library.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import type { TargetName } from "./targets.ts";

const seed = Number(process.env["CPC_FUZZ_SEED"] ?? 20_260_101);

const counts: Readonly<Record<TargetName, number>> = {
  "modbus-stream": 2000,
  "modbus-device": 60,
  "modbus-rtu": 12,
  "modbus-tls": 12,
  "opcua-messages": 600,
  "opcua-before-trust": 15,
  "opcua-server": 15,
};

for (const [target, count] of Object.entries(counts) as [TargetName, number][]) {
  test(`${target}: spoiled bytes are refused or become values, seed ${seed}`, { timeout: 120_000 }, async (t) => {
    const figures = await runCampaign({ target, seed, count });
    assert.equal(figures.inputs, count);
    assert.equal(growthMiB(figures), 0);
    t.diagnostic(JSON.stringify(figures.notes));
  });
}

test("an input is the same whenever it is made, and another for every seed and number", () => {
  const bytes = Buffer.alloc(64, 7);
  const inputs = new Set<string>();
  for (let input = 0; input < 500; input++) {
    const first = mutate(bytes, new Random(seed, input)).toString("hex");
    assert.equal(mutate(bytes, new Random(seed, input)).toString("hex"), first);
    inputs.add(first);
  }
  assert.ok(inputs.size > 400, `${inputs.size} of 500`);
});

test("memory that grows is told from memory that is in use", () => {
  const figures = { name: "", inputs: 1, seconds: 1, slowestMs: 1, notes: {} };
  assert.equal(growthMiB({ ...figures, memoryMiB: [20, 40, 41, 39, 60, 41, 45, 40, 44, 40, 41] }), 0);
  assert.ok(growthMiB({ ...figures, memoryMiB: [20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120] }) > 0);
});

for (const [what, defect, message] of [
  ["throws", "fails", /input 3 of seed 1 for .*: a defect/],
  ["never ends", "hangs", /input 3 of seed 1 for .* hangs/],
  ["takes all memory", "eats", /input 3 of seed 1 for .*memory/],
] as const) {
  test(`counter-test: a target that ${what} is found, with the input that did it`, async () => {
    const campaign = {
      target: "defective",
      defect,
      seed: 1,
      count: 10,
      longestMs: defect === "hangs" ? 500 : 30_000,
      mostHeapMiB: 64,
    } as const;
    await assert.rejects(runCampaign(campaign), message);
  });
}

test("a fault is the library's only where the library threw it", () => {
  assert.equal(isFaultOfNodeOpcUa(new TypeError("ours")), false);
  assert.equal(isFaultOfNodeOpcUa("no error at all"), false);
});
