import assert from "node:assert/strict";
import { test } from "node:test";
import { ownThreadId, processorMsOf, ReadingLimit } from "../../../packages/partition/src/commands/reading-limit.ts";

const bounds = { processorMs: 120_000, standstillMs: 120_000 };

test("a thread that gets a hundredth of a busy machine may read for hours", () => {
  const limit = new ReadingLimit(bounds, 0);
  for (let nowMs = 1000; nowMs <= 3 * 3_600_000; nowMs += 1000)
    assert.equal(limit.exceeded(Math.floor(nowMs / 1000) * 10, nowMs), undefined);
});

test("processor time is limited, however fast the clock goes", () => {
  const limit = new ReadingLimit(bounds, 0);
  assert.equal(limit.exceeded(120_000, 60_000), undefined);
  assert.equal(limit.exceeded(120_010, 60_001), "processorMs");
});

test("a thread that does nothing is given up, also one that has not said yet who it is", () => {
  const silent = new ReadingLimit(bounds, 5000);
  assert.equal(silent.exceeded(undefined, 125_000), undefined);
  assert.equal(silent.exceeded(undefined, 125_001), "standstillMs");
  const stuck = new ReadingLimit(bounds, 0);
  assert.equal(stuck.exceeded(10, 100_000), undefined);
  assert.equal(stuck.exceeded(10, 220_000), undefined);
  assert.equal(stuck.exceeded(undefined, 220_001), "standstillMs");
});

test("the processor time of a thread is what the system counts for it", () => {
  const threadId = ownThreadId() ?? assert.fail();
  const beforeMs = processorMsOf(threadId) ?? assert.fail();
  const used = process.cpuUsage();
  while (process.cpuUsage(used).user < 200_000);
  const afterMs = processorMsOf(threadId) ?? assert.fail();
  assert.ok(afterMs > beforeMs, `${beforeMs} ms before, ${afterMs} ms after`);
  assert.equal(processorMsOf(0), undefined);
});
