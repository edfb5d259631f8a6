import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import fs, {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { SegmentQueue, type QueueLimits } from "../../../packages/bridge/src/queue/segment-queue.ts";
import { inOwnSharedMemory } from "../../faults/own-shared-memory.ts";
import { syncedAtOnce, syncedPaths } from "../../synced-paths.ts";

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
  for (let block; (block = queue.read()) !== undefined;)
    numbers.push(Number(/\d+/.exec(block.payload!.toString())![0]));
  return numbers;
}

/** Reads everything that is left. */
function counted(queue: SegmentQueue): { readonly records: number; readonly damaged: number } {
  let damaged = 0;
  let records = 0;
  for (let block; (block = queue.read()) !== undefined;)
    if (block.payload === undefined) damaged += block.records;
    else records += block.records;
  return { records, damaged };
}

function damage(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset]! ^= 1;
  writeFileSync(file, bytes);
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
  damage(file, 700);
  const { records, damaged } = counted(opened(t, folder));
  assert.ok(damaged > 0);
  assert.equal(records + damaged, 1000);
});

test("damage to the file that is being written costs what is in it, and nothing that comes later", (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder);
  fill(queue, 0, 3);
  damage(segmentFiles(folder)[0]!, 800);
  assert.deepEqual(counted(queue), { records: 10, damaged: 20 });
  fill(queue, 3, 5);
  assert.deepEqual(rest(queue), [3, 4]);
  assert.equal(queue.end, 50);
});

for (const [what, spoil] of [
  ["damaged in its middle", (file: string) => damage(file, 800)],
  ["cut", (file: string) => truncateSync(file, 800)],
  ["empty", (file: string) => truncateSync(file)],
  ["gone", (file: string) => rmSync(file)],
] as const)
  test(`the newest file is ${what} when the next process comes: what was in it is counted, and nothing that comes later is lost`, (t) => {
    for (const blocks of [3, 17]) {
      const folder = newFolder(t);
      const first = new SegmentQueue(folder, limits);
      fill(first, 0, blocks);
      first[Symbol.dispose]();
      spoil(segmentFiles(folder).at(-1)!);
      const second = opened(t, folder);
      assert.equal(second.end, blocks * 10);
      assert.equal(second.records, blocks * 10);
      fill(second, blocks, blocks + 2);
      const { records, damaged } = counted(second);
      assert.ok(damaged > 0);
      assert.equal(records + damaged, blocks * 10 + 20);
      second.acknowledge(blocks * 10);
      second.rewind();
      assert.deepEqual(rest(second), [blocks, blocks + 1]);
    }
  });

test("damage among what was taken of the newest file is no loss when the next process comes", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 3);
  first.acknowledge(30);
  first[Symbol.dispose]();
  damage(segmentFiles(folder).at(-1)!, 800);
  const second = opened(t, folder);
  assert.equal(second.records, 0);
  fill(second, 3, 5);
  assert.deepEqual(rest(second), [3, 4]);
});

test("the oldest file, or every one, is gone when the next process comes: what was in them is counted", (t) => {
  for (const mostFiles of [1, Infinity]) {
    const folder = newFolder(t);
    const first = new SegmentQueue(folder, limits);
    fill(first, 0, 30);
    first.acknowledge(20);
    first[Symbol.dispose]();
    for (const file of segmentFiles(folder).slice(0, mostFiles)) rmSync(file);
    const second = opened(t, folder);
    assert.equal(second.records, 280);
    const { records, damaged } = counted(second);
    assert.ok(damaged > 0);
    assert.equal(records + damaged, 280);
    assert.equal(records > 0, mostFiles === 1);
    second.acknowledge(300);
    fill(second, 30, 32);
    assert.deepEqual(rest(second), [30, 31]);
  }
});

test("damage that was counted is not counted again", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 15);
  first[Symbol.dispose]();
  damage(segmentFiles(folder)[0]!, 800);
  const queue = opened(t, folder);
  assert.equal(queue.read()?.end, 10);
  const lost = queue.read()!;
  assert.equal(lost.payload, undefined);
  queue.acknowledge(lost.end);
  queue.rewind();
  assert.deepEqual(counted(queue), { records: 150 - lost.end, damaged: 0 });
});

test("damage among what was taken hides nothing that was not", (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder);
  fill(queue, 0, 3);
  queue.acknowledge(20);
  damage(segmentFiles(folder)[0]!, 800);
  queue.rewind();
  assert.deepEqual(counted(queue), { records: 0, damaged: 10 });
  queue.acknowledge(30);
  damage(segmentFiles(folder)[0]!, 10);
  queue.rewind();
  fill(queue, 3, 5);
  assert.deepEqual(rest(queue), [3, 4]);
});

test("a copy of a file beside them does not keep the queue from opening", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 3);
  first[Symbol.dispose]();
  copyFileSync(segmentFiles(folder)[0]!, join(folder, "backup.queue"));
  assert.deepEqual(rest(opened(t, folder)), [0, 1, 2]);
});

test("a damaged note of what was taken means that records are sent again, not lost", (t) => {
  const folder = newFolder(t);
  const first = new SegmentQueue(folder, limits);
  fill(first, 0, 3);
  first.acknowledge(20);
  first[Symbol.dispose]();
  damage(join(folder, "bounds"), 0);
  const second = opened(t, folder);
  assert.ok(second.isTakenUnknown);
  assert.deepEqual(rest(second), [0, 1, 2]);
  second.acknowledge(30);
  fill(second, 3, 20);
  second.acknowledge(100);
  damage(join(folder, "bounds"), 0);
  // The records of files that were taken and removed are not missed.
  const third = opened(t, folder);
  assert.deepEqual(counted(third).damaged, 0);
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
    assert.equal(block.payload?.toString().split(" ")[0], String(next));
    next = block.end;
  }
  assert.equal(next, queue.end);
});

test("a full disk costs the oldest records, and the queue is whole behind it", async (t) => {
  await inOwnSharedMemory(t, 64 * 1024, new URL("full-disk.ts", import.meta.url), "full");
});

test("flush resolves when every file and folder that was made or written is on the disk", async (t) => {
  const above = newFolder(t);
  const folder = join(above, "state", "queue");
  const synced = await syncedPaths(t);
  const queue = opened(t, folder);
  fill(queue, 0, 30);
  const files = segmentFiles(folder);
  assert.ok(files.length > 3);
  assert.equal(synced.length, 0);
  await queue.flush();
  for (const path of [above, join(above, "state"), folder, join(folder, "bounds"), ...files])
    assert.ok(synced.includes(path), path);
  synced.length = 0;
  await queue.flush();
  assert.deepEqual(synced, [], "nothing was written since");
  fill(queue, 30, 31);
  await queue.flush();
  assert.deepEqual(new Set(synced.splice(0)), new Set([join(folder, "bounds"), segmentFiles(folder).at(-1)]));
  queue.acknowledge(10);
  await queue.flush();
  assert.deepEqual(synced, [join(folder, "bounds")]);
});

test("what was taken is on the disk before its file is removed", async (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder);
  fill(queue, 0, 30);
  const files = segmentFiles(folder).length;
  const synced = syncedAtOnce(t, () => segmentFiles(folder).length);
  queue.acknowledge(300);
  assert.equal(segmentFiles(folder).length, 1);
  assert.deepEqual(synced[0], [join(folder, "bounds"), files]);
});

test("a queue in a folder that cannot be written refuses to open", (t) => {
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
  const { records, damaged } = counted(queue);
  assert.ok(damaged > 0);
  assert.equal(records + damaged, 1000);
  queue.acknowledge(queue.end);
  fill(queue, 100, 103);
  assert.deepEqual(rest(queue), [100, 101, 102]);
});

test("a note that somebody removed does not keep taken files from going", (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder);
  fill(queue, 0, 30);
  rmSync(join(folder, "bounds"));
  queue.acknowledge(290);
  assert.equal(segmentFiles(folder).length, 1);
  assert.deepEqual(rest(queue), [29]);
});

test("a file that does not go costs what comes, which is counted, until it goes", (t) => {
  const folder = newFolder(t);
  const queue = opened(t, folder, { limitBytes: 20_000, segmentBytes: 4096 });
  fill(queue, 0, 15);
  const stuck = segmentFiles(folder)[0]!;
  const letGo = refuseRemoval(t, stuck);
  assert.throws(() => queue.acknowledge(100), { code: "EBUSY" });
  let lost = 0;
  for (let number = 15; number < 50; number++) {
    const loss = queue.append(Buffer.from(`block ${number} `.repeat(60)), 10);
    if (loss !== undefined) assert.deepEqual([loss.why, loss.code], ["disk", "EBUSY"]);
    lost += loss?.records ?? 0;
    assert.ok(queue.bytes <= 20_000);
  }
  assert.ok(lost > 0);
  assert.equal(queue.records, 400 - lost);
  queue.rewind();
  assert.deepEqual(rest(queue), range(10, 50 - lost / 10));

  letGo();
  fill(queue, 50, 55);
  assert.ok(!segmentFiles(folder).includes(stuck));
  assert.deepEqual(rest(queue), range(50, 55));
});

/** Until the result is called. */
function refuseRemoval(t: TestContext, path: string): () => void {
  const { rmSync: remove } = fs;
  const mocked = t.mock.method(fs, "rmSync", (target: string, options: fs.RmOptions) => {
    if (target === path)
      throw Object.assign(new Error(`EBUSY: resource busy or locked, rm '${path}'`), { code: "EBUSY", syscall: "rm" });
    remove(target, options);
  });
  syncBuiltinESMExports();
  const letGo = (): void => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  };
  t.after(letGo);
  return letGo;
}
