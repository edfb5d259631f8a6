import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Stopwatch, waitedForProcessorMs } from "./stopwatch.ts";

const watchdog = { timeout: 200_000 };

test("what waits without being ready for a processor is judged by the clock on the wall", watchdog, async () => {
  const stopwatch = new Stopwatch();
  await pause(500);
  const { isWithin, text } = stopwatch.stop(10);
  assert.equal(isWithin, false, text);
});

test("what the machine takes does not count", watchdog, async (t) => {
  // More threads that are always ready than there are processors: one of them has to wait.
  const spin = "for (;;);";
  const workers = Array.from({ length: 4 * navigator.hardwareConcurrency }, () => new Worker(spin, { eval: true }));
  t.after(() => Promise.all(workers.map((worker) => worker.terminate())));
  await Promise.all(workers.map((worker) => once(worker, "online")));
  const stopwatch = new Stopwatch();
  const beforeMs = waitedForProcessorMs(process.pid);
  while (waitedForProcessorMs(process.pid) < beforeMs + 500) await pause(10, undefined, { signal: t.signal });
  const { text } = stopwatch.stop(1);
  const [wallMs = 0, ownMs = 0] = text.match(/-?\d+(?= ms)/g)?.map(Number) ?? [];
  assert.ok(ownMs <= wallMs - 499, text);
});

test("a process that is gone has waited for nothing more", () => {
  assert.equal(waitedForProcessorMs(2 ** 30), 0);
});
