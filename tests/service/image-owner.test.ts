import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { libc } from "../../src/posix/libc.ts";
import { SharedMemoryObject } from "../../src/posix/shared-memory-object.ts";
import { AnotherWriterError } from "../../src/posix/single-writer.ts";
import { ImageOwner } from "../../src/service/image-owner.ts";
import { ConsumerPair } from "../../src/shared-memory/consumer-pair.ts";
import { consumerPairNames } from "../../src/shared-memory/consumer-names.ts";
import { filesOf, ownPrefix } from "../posix/own-objects.ts";

const F_OFD_SETLK = 37;
const readLock = new Uint8Array(32);

function published(name: string): ImageOwner {
  const owner = new ImageOwner(name);
  owner.prepare(8192);
  owner.announce();
  return owner;
}

test("a second owner is refused while the first lives, and leaves nothing behind", (t) => {
  const prefix = ownPrefix(t);
  const first = published(`${prefix}image`);
  assert.throws(() => new ImageOwner(`${prefix}image`), AnotherWriterError);
  assert.deepEqual(filesOf(prefix), [`${prefix}image`]);
  first.close();
  published(`${prefix}image`).close();
});

test("an owner that has no image yet keeps a second one away, too", (t) => {
  const prefix = ownPrefix(t);
  const first = new ImageOwner(`${prefix}image`);
  assert.throws(() => new ImageOwner(`${prefix}image`), AnotherWriterError);
  first.close();
  assert.deepEqual(filesOf(prefix), []);
});

test("a reader that locks what it may read does not keep the next owner from starting", (t) => {
  const prefix = ownPrefix(t);
  published(`${prefix}image`).close();
  using reader = SharedMemoryObject.openExisting(`${prefix}image`, "read-only");
  assert.equal(libc.fcntl(reader?.descriptor ?? -1, F_OFD_SETLK, "void *", readLock), 0);
  published(`${prefix}image`).close();
});

test("a consumer that locks its segment does not keep it from being written by the sole writer", (t) => {
  const [names] = consumerPairNames("opcua", [], ownPrefix(t));
  assert.ok(names);
  ConsumerPair.create(names, 4096).close();
  using consumer = SharedMemoryObject.openExisting(names.segmentName, "read-write");
  assert.equal(consumer?.tryLock(), true);
  assert.throws(() => ConsumerPair.create(names, 4096), AnotherWriterError);
  ConsumerPair.create(names, 4096, "wanted").close();
});

test("nobody else may open an image in the making; a finished one is readable by the group", (t) => {
  const prefix = ownPrefix(t);
  const owner = new ImageOwner(`${prefix}image`);
  owner.prepare(8192);
  assert.equal(statSync(`/dev/shm/${prefix}image.next`).mode & 0o777, 0o600);
  owner.announce();
  assert.equal(statSync(`/dev/shm/${prefix}image`).mode & 0o777, 0o640);
  owner.close();
});

test("memory for an image is backed before it is handed out", (t) => {
  const prefix = ownPrefix(t);
  const owner = new ImageOwner(`${prefix}image`);
  owner.prepare(1 << 20);
  assert.equal(statSync(`/dev/shm/${prefix}image.next`).blocks * 512, 1 << 20);
  owner.close();
});
