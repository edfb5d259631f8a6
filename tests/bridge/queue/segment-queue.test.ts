import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { SegmentQueue, type QueueLimits } from "../../../packages/bridge/src/queue/segment-queue.ts";
import { inOwnSharedMemory } from "../../faults/own-shared-memory.ts";

const limits = { limitBytes: 1 << 20, segmentBytes: 4096 };

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function opened(t: TestContext, folder: string, wanted: QueueLimits = limits): SegmentQueue {
  const queue = new SegmentQueue(folder, wanted);
  t.after(() => queue[Symbol.dispose]());
  return queue;
}

/** Blocks of ten records; the payload says which. */
function fill(queue: SegmentQueue, from: number, to: number): void {
  for (let number = from; number < to; number++)
    assert.equal(queue.append(Buffer.from(`block ${number} `.repeat(60)), 10), undefined);
}

function rest(queue: SegmentQueue): readonly number[] {
  const numbers: number[] = [];
  for (let block; (block = queue.read()) !== undefined;) numbers.push(Number(/\d+/.exec(block.payload.toString())![0]));
  return numbers;
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

function segmentFiles(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".queue"))
    .toSorted()
    .map((name) => join(folder, name));
}

test("blocks come out in order, over many files, and files go when their records were taken", (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder);
  fill(queue, 0, 100);
  assert.equal(queue.records, 1000);
  assert.ok(segmentFiles(folder).length > 10);
  assert.deepEqual(rest(queue), range(0, 100));
  queue.rewind();
  assert.deepEqual(rest(queue), range(0, 100));
  queue.acknowledge(1000);
  assert.equal(queue.records, 0);
  assert.equal(segmentFiles(folder).length, 1);
  const onDisk = segmentFiles(folder).reduce((sum, file) => sum + statSync(file).size, 0);
  assert.equal(queue.bytes, onDisk);
  fill(queue, 100, 103);
  assert.deepEqual(rest(queue), [100, 101, 102]);
});

test("the next process goes on behind what was acknowledged", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 30);
  first.read();
  first.acknowledge(70);
  first[Symbol.dispose]();
  const second = opened(t, folder);
  assert.equal(second.records, 230);
  fill(second, 30, 32);
  assert.deepEqual(rest(second), range(7, 32));
});

test("over its limit it loses the oldest records and says how many", (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder, { limitBytes: 20_000, segmentBytes: 4096 });
  let lost = 0;
  for (let number = 0; number < 100; number++) {
    const loss = queue.append(Buffer.from(`block ${number} `.repeat(60)), 10);
    if (loss !== undefined) assert.equal(loss.why, "limit");
    lost += loss?.records ?? 0;
    assert.ok(queue.bytes <= 20_000);
  }
  assert.ok(lost > 500);
  assert.equal(queue.records, 1000 - lost);
  assert.deepEqual(rest(queue), range(lost / 10, 100));
});

test("what waits to be acknowledged may be lost to the limit meanwhile", (t) => {
  const queue = opened(t, newFolder(t), { limitBytes: 9000, segmentBytes: 4096 });
  fill(queue, 0, 5);
  const inFlight = queue.read()!;
  for (let number = 5; number < 100; number++) queue.append(Buffer.from(`block ${number} `.repeat(60)), 10);
  const { records } = queue;
  queue.acknowledge(inFlight.end);
  assert.equal(queue.records, records);
  assert.equal(rest(queue).at(-1), 99);
});

test("half a block at the end is left out, and the queue goes on behind the whole ones", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 9);
  first[Symbol.dispose]();
  const last = segmentFiles(folder).at(-1)!;
  appendFileSync(last, readFileSync(segmentFiles(folder)[0]!).subarray(0, 100));
  const second = opened(t, folder);
  assert.equal(second.records, 90);
  fill(second, 9, 12);
  assert.deepEqual(rest(second), range(0, 12));
});

test("damage on the disk costs the rest of its file, which is counted", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 100);
  first[Symbol.dispose]();
  const [, file = ""] = segmentFiles(folder);
  const bytes = readFileSync(file);
  bytes[700]! ^= 1;
  writeFileSync(file, bytes);
  const queue = opened(t, folder);
  let damaged = 0;
  let records = 0;
  for (let block; (block = queue.read()) !== undefined; records += block.records) damaged += block.damaged;
  assert.ok(damaged > 0);
  assert.equal(records + damaged, 1000);
});

test("a damaged note of what was taken means that records are sent again, not lost", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 3);
  first.acknowledge(20);
  first[Symbol.dispose]();
  const note = join(folder, "taken");
  const bytes = readFileSync(note);
  bytes[0]! ^= 255;
  writeFileSync(note, bytes);
  assert.deepEqual(rest(opened(t, folder)), [0, 1, 2]);
});

test("a killed process loses nothing that it had appended, and reads nothing again that was acknowledged", async (t) => {
  const folder = newFolder(t);
  let appended = 0;
  let taken = 0;
  for (let kills = 0; kills < 3; kills++) {
    const child = fork(new URL("appending-process.ts", import.meta.url), [folder], {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    });
    child.stdout!.setEncoding("utf8").on("data", (text: string) => {
      for (const line of text.split("\n")) {
        const [what, end] = line.split(" ");
        if (what === "appended") appended = Number(end);
        if (what === "taken") taken = Number(end);
        if (appended >= (kills + 1) * 3000) child.kill("SIGKILL");
      }
    });
    await once(child, "close");
  }
  const queue = opened(t, folder);
  assert.ok(queue.end >= appended, `${queue.end} of ${appended}`);
  const first = queue.read()!;
  assert.ok(first.end - first.records >= taken);
  let next = first.end - first.records;
  for (let block = first as ReturnType<typeof queue.read>; block !== undefined; block = queue.read()) {
    assert.equal(block.payload.toString().split(" ")[0], String(next));
    assert.equal(block.damaged, 0);
    next = block.end;
  }
  assert.equal(next, queue.end);
});

test("a full disk costs the oldest records, and the queue is whole behind it", async (t) => {
  await inOwnSharedMemory(t, 64 * 1024, new URL("full-disk.ts", import.meta.url), "full");
});

test("flush resolves, and a queue in a folder that cannot be written refuses to open", async (t) => {
  const queue = opened(t, newFolder(t));
  fill(queue, 0, 3);
  await queue.flush();
  const file = join(newFolder(t), "file");
  writeFileSync(file, "");
  assert.throws(() => new SegmentQueue(file, limits), { code: "EEXIST" });
});

test("a file that somebody removed costs its records, which are counted, and no more", (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder);
  fill(queue, 0, 100);
  const files = segmentFiles(folder);
  rmSync(files[1] ?? "");
  let damaged = 0;
  let records = 0;
  for (let block; (block = queue.read()) !== undefined; records += block.records) damaged += block.damaged;
  assert.ok(damaged > 0);
  assert.equal(records + damaged, 1000);
  queue.acknowledge(queue.end);
  fill(queue, 100, 103);
  assert.deepEqual(rest(queue), [100, 101, 102]);
});
