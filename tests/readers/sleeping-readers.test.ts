// The writer wakes two sleepers, whoever they are many. That the others wake at all, and that they go back to sleep, is the readers' affair.
//
// The readers here look by themselves only when the test has given up: who is not woken sleeps on. Nothing else ends a thread that sleeps
// in the kernel.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { numbersServer } from "./every-type.ts";
import { TestWriter } from "./test-writer.ts";

const readers = 6;
const publications = 20;
const giveUpMs = 60_000;
/** Longer than the test lasts that waits in vain, shorter than its watchdog waits. */
const lookAgainMs = 150_000;
const settleMs = 20;

test("every sleeper wakes, whatever their number, and none keeps another awake", { timeout: 200_000 }, async () => {
  using writer = new TestWriter([numbersServer("numbers", 1)]);
  const counts = new Int32Array(new SharedArrayBuffer((2 * readers + 1) * Int32Array.BYTES_PER_ELEMENT));
  const sum = (from: 0 | 1): number =>
    counts.reduce((total, _, index) => total + (index % 2 === from ? Atomics.load(counts, index) : 0), 0);
  const looks = (): number => sum(0);
  const news = (): number => sum(1);
  await using _ = sleepingReaders(writer, counts);
  await until("everybody has seen the first image", () => news() === readers);
  // Waking all of them at once is the only way to count them; who was woken for nothing lies down again.
  await until("everybody sleeps", () => writer.sleepers() === readers);
  await pause(settleMs);

  const before = looks();
  for (let publication = 1; publication <= publications; publication++) {
    writer.publish(0);
    await until("everybody is awake", () => news() === readers * (publication + 1));
    await pause(settleMs);
  }
  // Each looks because it was woken, and again before it lies down; and each of the others may wake it once for nothing.
  const most = publications * readers * (2 + (readers - 1));
  assert.ok(looks() - before <= most, `${looks() - before} looks, ${most} at most are of any use`);
});

/** A thread that sleeps in the kernel cannot be ended from outside: at the end each is told to, and woken until it has heard. */
function sleepingReaders(writer: TestWriter, counts: Int32Array<SharedArrayBuffer>): AsyncDisposable {
  const script = new URL("sleeping-reader.ts", import.meta.url);
  const ends = Array.from({ length: readers }, (_, place) => {
    const workerData = { name: writer.name, counts, place, lookAgainMs };
    return once(new Worker(script, { workerData }), "exit");
  });
  const alive = new Set(ends);
  for (const end of ends) void end.then(() => alive.delete(end));
  return {
    async [Symbol.asyncDispose]() {
      Atomics.store(counts, counts.length - 1, 1);
      while (alive.size > 0) {
        writer.publish(0);
        writer.sleepers();
        await pause(1);
      }
    },
  };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + giveUpMs;
  while (!condition()) {
    assert.ok(performance.now() < endMs, `waited in vain until ${what}`);
    await pause(1);
  }
}
