import assert from "node:assert/strict";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { once } from "node:events";
import { injectFaults } from "../../packages/image/src/posix/libc.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { consumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import type { ConsumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import {
  ConsumerPair,
  consumerMode,
  openConsumerPair,
  removeAbandonedPair,
} from "../../packages/documents/src/consumer-pair.ts";
import { DocumentSegment } from "../../packages/documents/src/document-segment.ts";
import { publishGuarded } from "../../packages/documents/src/publish-guarded.ts";
import { OtherProcess } from "../image/posix/other-process.ts";
import { filesOf, openObjects, ownPrefix } from "../image/posix/own-objects.ts";

const sizeBytes = 10_240;
const peer = new URL("peer.ts", import.meta.url);

function ownNames(t: TestContext, consumers: readonly string[] = ["psmo"]) {
  const prefix = ownPrefix(t);
  const list = consumerPairNames("opcua", consumers, prefix);
  const names = list[0] as ConsumerPairNames;
  return {
    prefix,
    list,
    names,
    segmentPath: `/dev/shm/${names.segmentName}`,
    semaphorePath: `/dev/shm/sem.${names.semaphoreName}`,
  };
}

function setUp(t: TestContext) {
  const own = ownNames(t);
  const pair = ConsumerPair.create(own.names, sizeBytes);
  const { segment, guard } = openConsumerPair(pair.handle());
  t.after(() => {
    guard.close();
    pair.close();
    assert.deepEqual(openObjects(), []);
  });
  const publish = async (text: string) => (await publishGuarded(segment, guard, Buffer.from(text))).kind;
  const document = (): string => readFileSync(own.segmentPath, "utf8").replace(/\0+$/, "");
  return { ...own, pair, publish, document };
}

test("both objects are there with mode 0660 whatever the umask, and go with remove", (t) => {
  const { prefix, names, segmentPath, semaphorePath } = ownNames(t);
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  using pair = ConsumerPair.create(names, sizeBytes);
  assert.equal(statSync(segmentPath).size, sizeBytes);
  for (const path of [segmentPath, semaphorePath]) assert.equal(statSync(path).mode & 0o777, 0o660);
  pair.remove();
  assert.deepEqual(filesOf(prefix), []);
});

test("close leaves the objects to the next run, which takes them over with their inodes", async (t) => {
  const { names, segmentPath, semaphorePath, pair, publish, document } = setUp(t);
  await publish("kept");
  const inodes = [statSync(segmentPath).ino, statSync(semaphorePath).ino];
  pair.close();
  using next = ConsumerPair.create(names, sizeBytes);
  assert.deepEqual([statSync(segmentPath).ino, statSync(semaphorePath).ino], inodes);
  assert.equal(document(), "kept");
  assert.deepEqual(next.check(), { segment: "Intact", semaphore: "Intact" });
});

test("another thread publishes by the handle", async (t) => {
  const { pair, document } = setUp(t);
  const worker = new Worker(new URL("publishing-thread.ts", import.meta.url), { workerData: pair.handle() });
  const ended = once(worker, "exit"); // on a busy machine both events come in one go
  assert.deepEqual(await once(worker, "message"), ["Done"]);
  await ended;
  assert.equal(document(), "from a thread");
  assert.deepEqual(pair.check(), { segment: "Intact", semaphore: "Intact" });
});

test("a second writer is refused while the first lives, and follows it after kill -9", async (t) => {
  const { prefix, names, segmentPath } = ownNames(t);
  const first = new OtherProcess(t, peer, ["write", names.segmentName, names.semaphoreName]);
  assert.equal(await first.next(), "Done");
  const inode = statSync(segmentPath).ino;
  const refusal = { code: "AnotherWriter", object: names.segmentName };
  assert.throws(() => ConsumerPair.create(names, sizeBytes), refusal);
  assert.throws(() => removeAbandonedPair(names), refusal);
  assert.equal(filesOf(prefix).length, 2);
  await first.kill();
  const pair = ConsumerPair.create(names, 2 * sizeBytes);
  assert.equal(statSync(segmentPath).ino, inode);
  assert.equal(statSync(segmentPath).size, 2 * sizeBytes);
  assert.match(readFileSync(segmentPath, "latin1"), /^before the kill\0+$/);
  pair.close();
  assert.deepEqual(removeAbandonedPair(names), [names.segmentName, names.semaphoreName]);
  assert.deepEqual(removeAbandonedPair(names), []);
});

test("a larger stale segment keeps its size, and NULs follow the part that is used", (t) => {
  const { names, segmentPath } = ownNames(t);
  writeFileSync(segmentPath, Buffer.alloc(3 * sizeBytes, "x"));
  using pair = ConsumerPair.create(names, sizeBytes);
  assert.equal(statSync(segmentPath).size, 3 * sizeBytes);
  const used = Buffer.alloc(sizeBytes, "x");
  assert.ok(readFileSync(segmentPath).equals(Buffer.concat([used], 3 * sizeBytes)));
  writeFileSync(segmentPath, Buffer.alloc(5 * sizeBytes, "x"));
  pair.check();
  assert.ok(readFileSync(segmentPath).equals(Buffer.concat([used], 5 * sizeBytes)));
});

const damages: [
  name: string,
  damage: (segmentPath: string, semaphorePath: string) => void,
  segment: string,
  semaphore: string,
][] = [
  ["nothing", () => undefined, "Intact", "Intact"],
  ["the segment unlinked", (segment) => unlinkSync(segment), "Restored", "Intact"],
  ["the segment truncated to nothing", (segment) => truncateSync(segment, 0), "Restored", "Intact"],
  ["the segment cut in half", (segment) => truncateSync(segment, sizeBytes / 2), "Restored", "Intact"],
  [
    "the segment filled with garbage",
    (segment) => writeFileSync(segment, Buffer.alloc(sizeBytes, 0xff)),
    "Intact",
    "Intact",
  ],
  [
    "another file in the segment's place",
    (segment) => {
      unlinkSync(segment);
      writeFileSync(segment, "x");
    },
    "Restored",
    "Intact",
  ],
  ["the segment renamed", (segment) => renameSync(segment, `${segment}-moved`), "Restored", "Intact"],
  ["the segment linked to a second name", (segment) => linkSync(segment, `${segment}-too`), "Restored", "Intact"],
  [
    "a link in the segment's place",
    (segment) => {
      unlinkSync(segment);
      symlinkSync("/dev/null", segment);
    },
    "Restored",
    "Intact",
  ],
  [
    "the semaphore linked to a second name",
    (_, semaphore) => linkSync(semaphore, `${semaphore}-too`),
    "Intact",
    "Restored",
  ],
  [
    "a link in the semaphore's place",
    (_, semaphore) => {
      unlinkSync(semaphore);
      symlinkSync("/dev/null", semaphore);
    },
    "Intact",
    "Restored",
  ],
  ["the semaphore unlinked", (_, semaphore) => unlinkSync(semaphore), "Intact", "Restored"],
  ["the semaphore truncated", (_, semaphore) => truncateSync(semaphore, 0), "Intact", "Restored"],
  [
    "the semaphore filled with garbage",
    (_, semaphore) => writeFileSync(semaphore, Buffer.alloc(32, 0xff)),
    "Intact",
    "Restored",
  ],
  ["the semaphore lengthened", (_, semaphore) => truncateSync(semaphore, 64), "Intact", "Restored"],
  ["the segment closed to the group", (segment) => chmodSync(segment, 0o600), "Restored", "Intact"],
  ["the semaphore open to everybody", (_, semaphore) => chmodSync(semaphore, 0o666), "Intact", "Restored"],
  [
    "both unlinked",
    (segment, semaphore) => {
      unlinkSync(segment);
      unlinkSync(semaphore);
    },
    "Restored",
    "Restored",
  ],
];

for (const [name, damage, segment, semaphore] of damages) {
  test(`one check and one publication after the damage all is well: ${name}`, async (t) => {
    const own = setUp(t);
    assert.equal(await own.publish("before"), "Done");
    damage(own.segmentPath, own.semaphorePath);
    assert.deepEqual(own.pair.check(), { segment, semaphore });
    assert.equal(await own.publish("after"), "Done");
    assert.equal(own.document(), "after");
    assert.equal(statSync(own.segmentPath).size, sizeBytes);
    for (const path of [own.segmentPath, own.semaphorePath]) assert.equal(statSync(path).mode & 0o7777, consumerMode);
    assert.deepEqual(own.pair.check(), { segment: "Intact", semaphore: "Intact" });
    // Still the only writer.
    assert.throws(() => ConsumerPair.create(own.names, sizeBytes), { code: "AnotherWriter" });
  });
}

test("who keeps an orphaned segment finds the farewell in it, and the successor stays empty until it is published", (t) => {
  const { names, segmentPath, pair, document } = setUp(t);
  const orphan = SharedMemoryObject.openExisting(names.segmentName, "read-only");
  const mapping = orphan?.map("read-only");
  unlinkSync(segmentPath);
  pair.check(Buffer.from("farewell"));
  assert.match(Buffer.from(mapping?.buffer ?? new ArrayBuffer()).toString("latin1"), /^farewell\0+$/);
  assert.equal(document(), "");
  mapping?.unmap();
  orphan?.close();
});

test("the farewell is the last that an orphaned segment gets, whenever the writing thread writes", (t) => {
  const { names, segmentPath, pair } = setUp(t);
  const segment = DocumentSegment.fromDescriptor(pair.handle().descriptor, names.segmentName, sizeBytes);
  segment.stage(Buffer.from("a document that never changes again"));
  using orphan = SharedMemoryObject.openExisting(names.segmentName, "read-only");
  unlinkSync(segmentPath);
  t.after(() => injectFaults(undefined));
  // As another thread might: between any two calls of the check.
  injectFaults((call) => {
    if (call !== "pwrite") segment.writeStaged();
    return undefined;
  });
  pair.check(Buffer.from("farewell"));
  injectFaults(undefined);
  assert.match(readFileSync(orphan?.descriptor ?? -1, "latin1"), /^farewell\0+$/);
});

test("a pair that grew keeps its inode and is put back in its new size", (t) => {
  const { segmentPath, pair } = setUp(t);
  const inode = statSync(segmentPath).ino;
  pair.grow(2 * sizeBytes);
  pair.grow(sizeBytes);
  assert.equal(pair.handle().sizeBytes, 2 * sizeBytes);
  assert.deepEqual([statSync(segmentPath).ino, statSync(segmentPath).size], [inode, 2 * sizeBytes]);
  truncateSync(segmentPath, sizeBytes);
  assert.equal(pair.check().segment, "Restored");
  assert.equal(statSync(segmentPath).size, 2 * sizeBytes);
});

test("what cannot be put back is an error at each check until it can", async (t) => {
  const { segmentPath, semaphorePath, pair, publish, document } = setUp(t);
  unlinkSync(segmentPath);
  unlinkSync(semaphorePath);
  mkdirSync(segmentPath);
  assert.throws(() => pair.check(), { code: "UnsuitableObject", message: /is a directory; remove it/ });
  assert.equal(statSync(semaphorePath).size, 32);
  assert.throws(() => pair.check(), { code: "UnsuitableObject" });
  rmdirSync(segmentPath);
  assert.deepEqual(pair.check(), { segment: "Restored", semaphore: "Intact" });
  assert.equal(await publish("after"), "Done");
  assert.equal(document(), "after");
});

test("a writer that lost its name to another writer says so and leaves the other alone", async (t) => {
  const { names, segmentPath, pair } = setUp(t);
  unlinkSync(segmentPath);
  const rival = ConsumerPair.create(names, sizeBytes);
  assert.throws(() => pair.check(), { code: "AnotherWriter" });
  const inode = statSync(segmentPath).ino;
  const open = SharedMemoryObject.openExisting(names.segmentName, "read-only");
  pair.remove();
  assert.equal(open?.isLinked(), true);
  assert.equal(statSync(segmentPath).ino, inode);
  open?.close();
  rival.close();
});

test("a start that fails leaves nothing new: neither its own objects nor those of earlier consumers", (t) => {
  const { prefix, list } = ownNames(t, ["psmo", "interface"]);
  const second = list[1] as ConsumerPairNames;
  mkdirSync(`/dev/shm/sem.${second.semaphoreName}`);
  const before = filesOf(prefix);
  assert.throws(() => ConsumerPair.createAll(list, sizeBytes), {
    code: "UnsuitableObject",
    object: second.semaphoreName,
  });
  assert.deepEqual(filesOf(prefix), before);
  assert.deepEqual(openObjects(), []);
});
