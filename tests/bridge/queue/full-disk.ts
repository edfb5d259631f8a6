// A queue on a disk that is smaller than its limit: run in a process that has a /dev/shm of its own.

import assert from "node:assert/strict";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { SegmentQueue } from "../../../packages/bridge/src/queue/segment-queue.ts";

const ballast = "/dev/shm/ballast";

function fillDisk(): void {
  const descriptor = openSync(ballast, "a");
  try {
    for (;;) writeSync(descriptor, Buffer.alloc(4096, 1));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    closeSync(descriptor);
  }
}

function block(number: number): Buffer {
  return Buffer.from(`${number} `.repeat(300));
}

test("full", async () => {
  const queue = new SegmentQueue("/dev/shm/queue", { limitBytes: 1 << 30, segmentBytes: 8192 });
  let lost = 0;
  for (let number = 0; number < 500; number++) {
    const loss = queue.append(block(number), 10);
    if (loss !== undefined) assert.deepEqual([loss.why, loss.code], ["disk", "ENOSPC"]);
    lost += loss?.records ?? 0;
    // Full files are closed beside the writing, and a removed file gives its room back only then.
    await setImmediate();
  }
  assert.ok(lost > 0);
  assert.equal(queue.records, 5000 - lost);
  assert.equal(queue.read()!.payload!.toString().split(" ")[0], String(lost / 10));

  // Not even the file that is written has room left: the queue gives its own room up.
  fillDisk();
  let blocks = 500;
  // A removed file may give its room back later than the next block comes: the last one has to be kept.
  for (let isKept = false; blocks < 600 || !isKept; blocks++) {
    const { end } = queue;
    lost += queue.append(block(blocks), 10)?.records ?? 0;
    isKept = queue.end > end;
    await setImmediate();
  }
  assert.equal(queue.records, 10 * blocks - lost);
  queue.acknowledge(queue.end - 10);
  queue.rewind();
  assert.equal(queue.read()!.payload!.toString().split(" ")[0], String(blocks - 1));

  rmSync(ballast);
  for (let more = 0; more < 10; more++) assert.equal(queue.append(block(blocks + more), 10), undefined);
  queue[Symbol.dispose]();
  const reopened = new SegmentQueue("/dev/shm/queue", { limitBytes: 1 << 30, segmentBytes: 8192 });
  assert.equal(reopened.records, 110);
});
