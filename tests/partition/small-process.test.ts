// A partition that has started, or has reloaded, gives back what that took.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { GCProfiler } from "node:v8";
import { tidyUp, giveBackMemorySoon, keepHeapsSmall } from "../../packages/partition/src/small-process.ts";

test("what a start left is collected with the first tick ten seconds after it, and after the last reload; the next time after twice as long", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  keepHeapsSmall();
  const left = new WeakRef(Buffer.alloc(1024));
  giveBackMemorySoon();
  t.mock.timers.tick(9000);
  giveBackMemorySoon();
  t.mock.timers.tick(9999);
  await nextTurn();
  assert.ok(left.deref() !== undefined);
  await nextTurn(); // a reference that was looked at lives until the end of the turn
  tidyUp();
  await nextTurn();
  assert.ok(left.deref() !== undefined, "a tick was enough");
  await nextTurn();
  t.mock.timers.tick(1);
  await nextTurn();
  assert.ok(left.deref() !== undefined, "it did not wait for a tick");
  await nextTurn();
  tidyUp();
  await nextTurn();
  assert.equal(left.deref(), undefined);

  const again = new WeakRef(Buffer.alloc(1024));
  giveBackMemorySoon();
  t.mock.timers.tick(19_999);
  tidyUp();
  await nextTurn();
  assert.ok(again.deref() !== undefined, "the wait has not doubled");
  await nextTurn();
  t.mock.timers.tick(1);
  t.mock.timers.tick(1000); // a thread without ticks
  await nextTurn();
  assert.equal(again.deref(), undefined);
});

const some = Array.from({ length: 100_000 }, () => 1);

function numbers(): readonly number[] {
  return some.slice();
}

test("a start is interrupted by fewer collections than what comes after it", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const kept = Array.from({ length: 100 }, numbers);
  const collections = (): number => {
    const profiler = new GCProfiler();
    profiler.start();
    for (let times = 0; times < 1500; times++) kept[times % kept.length] = numbers();
    return profiler.stop()?.statistics.filter(({ gcType }) => gcType === "MarkSweepCompact").length ?? 0;
  };
  keepHeapsSmall();
  collections(); // how far the heap may grow is decided in the collection before
  const starting = collections();
  giveBackMemorySoon();
  t.mock.timers.tick(3_600_000);
  tidyUp();
  const settled = collections();
  assert.equal(kept.length, 100);
  assert.ok(starting < settled, `${starting} during a start, ${settled} after it`);
});

test("messages do not pile up outside the heap until the runtime looks through all of it", async () => {
  keepHeapsSmall();
  const startBytes = process.memoryUsage().arrayBuffers;
  let most = 0;
  for (let tick = 0; tick < 300; tick++) {
    Buffer.allocUnsafe(1024 * 1024);
    tidyUp();
    await nextTurn();
    most = Math.max(most, process.memoryUsage().arrayBuffers - startBytes);
  }
  assert.ok(most < 64 * 1024 * 1024, `${most} bytes of messages`);
});
