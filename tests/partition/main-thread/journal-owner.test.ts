import assert from "node:assert/strict";
import { linkSync, renameSync, statSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { JournalReader } from "../../../packages/image/src/journal-reader.ts";
import { JournalWriter } from "../../../packages/image/src/journal-writer.ts";
import { record } from "../../../packages/image/src/layout.ts";
import { errno } from "../../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../../packages/image/src/posix/libc.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { JournalOwner, type JournalMemory } from "../../../packages/partition/src/main-thread/journal-owner.ts";
import { filesOf, openObjects, ownPrefix } from "../../image/posix/own-objects.ts";
import { recordingLog } from "../sources/test-source.ts";

const sizeBytes = 8192;

function setUp(t: TestContext, size = sizeBytes) {
  const prefix = ownPrefix(t);
  const name = `${prefix}modbus_journal`;
  const { lines, log } = recordingLog();
  const clock = { ms: 0 };
  const newOwner = (): JournalOwner => {
    const made = new JournalOwner(name, size, log, () => clock.ms);
    t.after(() => made.close());
    return made;
  };
  const messages = (): readonly string[] => lines.map(({ level, message }) => `${level}: ${message}`);
  return { prefix, name, clock, owner: newOwner(), newOwner, messages };
}

/** What a worker does: a journal with so many changes. */
function write(owner: JournalOwner, memory: JournalMemory | undefined, changes: number): void {
  assert.ok(memory);
  const object = SharedMemoryObject.fromDescriptor(memory.descriptor, owner.name);
  using mapping = object.map("read-write", memory.sizeBytes);
  const writer = new JournalWriter(mapping.buffer, "modbus", 1n);
  writer.begin(0, 1, 0, 0);
  for (let point = 0; point < changes; point++) writer.append(point, new Uint32Array(record.bytes), 0, 0, 0);
  writer.commit();
  owner.taken(true);
}

/** Changes in the journal of that name. */
function changesOf(name: string): number {
  using object = SharedMemoryObject.openExisting(name, "read-only");
  if (object === undefined) return -1;
  using mapping = object.map("read-only");
  return Number(new JournalReader(mapping.buffer).end().sequence);
}

test("every start has an empty journal that the group may read, and the one before keeps a name", (t) => {
  const { name, prefix, owner, newOwner } = setUp(t);
  assert.equal(owner.keepBefore(), undefined, "there is none");
  write(owner, owner.supply(), 3);
  assert.equal(statSync(`/dev/shm/${name}`).mode & 0o777, 0o640);
  owner.close();
  const next = newOwner();
  assert.equal(next.keepBefore(), 1n);
  write(next, next.supply(), 5);
  assert.deepEqual([changesOf(name), changesOf(`${name}.before`)], [5, 3]);
  next.abandon();
  assert.equal(next.keepBefore(), 1n);
  write(next, next.supply(), 0);
  assert.deepEqual([changesOf(name), changesOf(`${name}.before`)], [0, 5]);
  next.remove();
  next.close();
  assert.deepEqual([filesOf(prefix), openObjects()], [[], []]);
});

test("a journal without a change takes the place of no other: threads that crash at once erase no evidence", (t) => {
  const { name, prefix, owner } = setUp(t);
  write(owner, owner.supply(), 3);
  for (let crash = 0; crash < 3; crash++) {
    owner.abandon();
    assert.equal(owner.keepBefore(), 1n);
    write(owner, owner.supply(), 0);
  }
  assert.equal(changesOf(`${name}.before`), 3);
  owner.abandon();
  writeFileSync(`/dev/shm/${name}`, "x".repeat(100));
  assert.equal(owner.keepBefore(), 1n, "garbage is not kept either");
  assert.deepEqual(filesOf(prefix), [`${name}.before`]);
});

test("one that lost its name is replaced, but not before the worker has mapped the last one", (t) => {
  const { name, owner, messages } = setUp(t);
  const first = owner.supply();
  SharedMemoryObject.remove(name);
  assert.equal(owner.supply(), undefined, "its descriptor is still needed");
  write(owner, first, 1);
  write(owner, owner.supply(), 2);
  assert.equal(changesOf(name), 2);
  assert.equal(owner.supply(), undefined, "all is well");
  assert.deepEqual(messages(), ["warn: somebody removed the journal: a new one is made"]);
});

test("without memory it is told once, tried again after a while, and told when there is some", (t) => {
  const { prefix, clock, owner, messages } = setUp(t);
  let attempts = 0;
  injectFaults((name) => (name === "posix_fallocate" && ++attempts > 0 ? errno.ENOSPC : undefined));
  t.after(() => injectFaults(undefined));
  for (; clock.ms < 60_000; clock.ms += 100) assert.equal(owner.supply(), undefined);
  assert.equal(attempts, 6);
  assert.deepEqual(filesOf(prefix), []);
  injectFaults(undefined);
  clock.ms += 10_000;
  write(owner, owner.supply(), 0);
  const [first, second, ...others] = messages();
  assert.match(
    first ?? "",
    /^warn: cannot reserve 8192 bytes for shared memory .*_journal because .*room left.*; values are read and published without a journal; make room in \/dev\/shm, or give --journal-size/,
  );
  assert.deepEqual([second, others], ["info: there is a journal again", []]);
});

test("a journal leaves room for the next image, and says what it lacks", (t) => {
  const { prefix, clock, owner, messages } = setUp(t);
  assert.equal(owner.supply(Number.MAX_SAFE_INTEGER), undefined);
  assert.deepEqual(filesOf(prefix), []);
  clock.ms += 10_000;
  write(owner, owner.supply(4096), 0);
  const [first, ...others] = messages();
  assert.match(
    first ?? "",
    /^warn: cannot reserve 8192 bytes for .*_journal because \/dev\/shm would have \d+ bytes left, and the next process image may need 9007199254740991; values are read and published without a journal; make room/,
  );
  assert.deepEqual(others, ["info: there is a journal again"]);
});

test("the journal of the run before gives its room to an image, once", (t) => {
  const { name, owner, messages } = setUp(t);
  assert.equal(owner.giveWay(), false);
  write(owner, owner.supply(), 3);
  owner.abandon();
  owner.keepBefore();
  write(owner, owner.supply(), 1);
  assert.equal(owner.giveWay(), true);
  assert.deepEqual([changesOf(name), changesOf(`${name}.before`)], [1, -1]);
  assert.equal(owner.giveWay(), false);
  assert.deepEqual(messages(), ["warn: the journal of the run before was removed: a process image needs its room"]);
});

test("size 0 makes none, and keeps what an earlier run left", (t) => {
  const { name, owner } = setUp(t, 0);
  assert.equal(owner.supply(), undefined);
  const { owner: earlier } = setUp(t);
  write(earlier, earlier.supply(), 2);
  renameSync(`/dev/shm/${earlier.name}`, `/dev/shm/${name}`);
  assert.equal(owner.keepBefore(), 1n);
  assert.deepEqual([changesOf(name), changesOf(`${name}.before`)], [-1, 2]);
});

test("a journal that got a second name is replaced, at the start and while it is written", (t) => {
  const { name, owner, newOwner, messages } = setUp(t);
  write(owner, owner.supply(), 3);
  assert.equal(owner.supply(), undefined);
  linkSync(`/dev/shm/${name}`, `/dev/shm/${name}-link`);
  write(owner, owner.supply(), 1);
  assert.equal(statSync(`/dev/shm/${name}`).nlink, 1);
  assert.equal(owner.supply(), undefined, "once");
  owner.close();
  linkSync(`/dev/shm/${name}`, `/dev/shm/${name}-another`);
  const next = newOwner();
  assert.equal(next.keepBefore(), undefined);
  write(next, next.supply(), 2);
  assert.equal(changesOf(name), 2);
  assert.equal(statSync(`/dev/shm/${name}`).nlink, 1);
  assert.equal(messages().length, 2);
  for (const message of messages()) assert.match(message, /^warn: .*has 2 names \(hard links\): removed, a new object/);
});

test("what the run before left is removed, also by a run that never began a journal", (t) => {
  const { name, prefix, owner, newOwner } = setUp(t);
  write(owner, owner.supply(), 1);
  owner.close();
  const next = newOwner();
  next.remove();
  next.close();
  assert.deepEqual(filesOf(prefix), [], name);
});

test("a journal that the worker cannot map is removed, and another is made after a while", (t) => {
  const { name, prefix, clock, owner } = setUp(t);
  const before = openObjects();
  assert.ok(owner.supply());
  owner.taken(false);
  assert.deepEqual([owner.isThere, filesOf(prefix), openObjects()], [false, [], before]);
  assert.equal(owner.supply(), undefined, "not at once");
  clock.ms += 10_000;
  write(owner, owner.supply(), 2);
  assert.equal(changesOf(name), 2);
});
