import assert from "node:assert/strict";
import { linkSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { planDirectory } from "../../../packages/image/src/directory.ts";
import { nameBefore, nameEarlier } from "../../../packages/image/src/kept-names.ts";
import { mappedMemory } from "../../../packages/image/src/image-memory.ts";
import { ImageWriter } from "../../../packages/image/src/image-writer.ts";
import { errno } from "../../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../../packages/image/src/posix/libc.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { AnotherWriterError } from "../../../packages/image/src/posix/single-writer.ts";
import { ImageOwner } from "../../../packages/partition/src/main-thread/image-owner.ts";
import { filesOf, ownPrefix } from "../../image/posix/own-objects.ts";
import { serverOf } from "../../image/sample-image.ts";

const directory = planDirectory([serverOf("A", 0)]);

/** What a worker does: fills the memory that the owner prepared. Returns what unmaps it. */
function fill(owner: ImageOwner): () => void {
  const { descriptor, sizeBytes } = owner.prepare(directory.imageBytes);
  const mapping = SharedMemoryObject.fromDescriptor(descriptor, owner.name).map("read-write", sizeBytes);
  const { generation } = new ImageWriter({ service: "modbus", intervalMs: 1000 }, directory, mappedMemory(mapping));
  assert.equal(generation, 1);
  return () => mapping.unmap();
}

test("an image gets its name when it is complete, and readers of the group may not write", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const owner = new ImageOwner(name);
  using image = new OpenedImage(name);
  const unmap = fill(owner);
  assert.equal(image.current(), undefined);
  owner.announce();
  assert.equal(image.current()?.service, "modbus");
  assert.equal(statSync(`/dev/shm/${name}`).mode & 0o777, 0o640);
  unmap();
  owner.remove();
  owner.close();
  assert.deepEqual(filesOf(name), []);
});

test("a new generation replaces the old one under the same name, and only the owner's worker retires it", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const owner = new ImageOwner(name);
  using image = new OpenedImage(name);
  const unmaps = [fill(owner)];
  owner.announce();
  const first = image.current();
  unmaps.push(fill(owner));
  assert.equal(image.current(), first, "not before it is announced");
  owner.announce();
  assert.equal(first?.isRetired, false);
  assert.notEqual(image.current(), first);
  for (const unmap of unmaps) unmap();
  owner.close();
});

test("while an owner lives no other becomes one; when it is gone the next takes over and sends its readers on", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const killed = new ImageOwner(name);
  const unmap = fill(killed);
  killed.announce();
  assert.throws(() => new ImageOwner(name), AnotherWriterError);
  using image = new OpenedImage(name);
  const left = image.current();
  unmap();
  killed.close(); // as the kernel does when a process dies: the name stays, the lock goes
  const next = new ImageOwner(name);
  assert.equal(left?.isRetired, false);
  const unmapNext = fill(next);
  next.announce();
  assert.equal(left?.isRetired, true);
  assert.notEqual(image.current(), left);
  unmapNext();
  next.close();
});

test("readers of a crashed worker's image are told, and told of the next one", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const owner = new ImageOwner(name);
  using image = new OpenedImage(name);
  const unmaps = [fill(owner)];
  owner.announce();
  const first = image.current();
  owner.abandon();
  assert.equal(first?.isRetired, true);
  unmaps.push(fill(owner)); // crashed again, while it made an image
  unmaps.push(fill(owner));
  owner.announce();
  assert.equal(image.current()?.isRetired, false);
  for (const unmap of unmaps) unmap();
  owner.close();
  assert.deepEqual(filesOf(name), [name]);
});

for (const [what, content] of [
  ["nothing", ""],
  ["garbage", "x".repeat(10_000)],
  ["the beginning of an image", "CPCIMAGE".padEnd(8192, "\0")],
] as const) {
  test(`a left-over that holds ${what} is replaced`, (t) => {
    const name = `${ownPrefix(t)}modbus_image`;
    writeFileSync(`/dev/shm/${name}`, content);
    const owner = new ImageOwner(name);
    using image = new OpenedImage(name);
    const unmap = fill(owner);
    owner.announce();
    assert.equal(image.current()?.service, "modbus");
    unmap();
    owner.close();
  });
}

test("what was prepared and never announced goes with its owner", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const owner = new ImageOwner(name);
  fill(owner)();
  assert.deepEqual(filesOf(name), [`${name}.next`]);
  owner.close();
  assert.deepEqual(filesOf(name), []);
});

test("an image that is replaced may keep a name of its own, which goes with the others", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const owner = new ImageOwner(name, (error) => assert.fail(String(error)));
  fill(owner)();
  owner.announce(nameBefore(name));
  assert.deepEqual(filesOf(name), [name], "there was none to keep");
  const inodes = [statSync(`/dev/shm/${name}`).ino];
  for (const kept of [nameBefore(name), nameEarlier(name), undefined]) {
    fill(owner)();
    owner.announce(kept);
    inodes.push(statSync(`/dev/shm/${name}`).ino);
  }
  assert.equal(new Set(inodes).size, 4);
  assert.deepEqual(filesOf(name).toSorted(), [name, nameBefore(name), nameEarlier(name)].toSorted());
  assert.deepEqual(
    [nameBefore(name), nameEarlier(name)].map((kept) => statSync(`/dev/shm/${kept}`).ino),
    inodes.slice(0, 2),
  );
  owner.remove();
  owner.close();
  assert.deepEqual(filesOf(name), []);
});

test("an image that a killed run was about to keep is kept", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const killed = new ImageOwner(name);
  const unmap = fill(killed);
  killed.announce();
  unmap();
  killed.close();
  const { ino } = statSync(`/dev/shm/${name}`);
  linkSync(`/dev/shm/${name}`, `/dev/shm/${nameBefore(name)}`);
  const reasons: string[] = [];
  const owner = new ImageOwner(name, undefined, (reason) => reasons.push(reason));
  fill(owner)();
  owner.announce();
  assert.equal(reasons.length, 1);
  assert.deepEqual([statSync(`/dev/shm/${nameBefore(name)}`).ino, statSync(`/dev/shm/${name}`).nlink], [ino, 1]);
  owner.remove();
  owner.close();
});

for (const call of ["shm_unlink", "link"]) {
  test(`an image that cannot be kept (${call} fails) is replaced all the same`, (t) => {
    const name = `${ownPrefix(t)}modbus_image`;
    const troubles: unknown[] = [];
    const owner = new ImageOwner(name, (error) => troubles.push(error));
    fill(owner)();
    owner.announce();
    const { ino } = statSync(`/dev/shm/${name}`);
    fill(owner)();
    let calls = 0;
    injectFaults((function_) => (function_ === call && ++calls === 1 ? errno.EINVAL : undefined));
    t.after(() => injectFaults(undefined));
    owner.announce(nameBefore(name));
    injectFaults(undefined);
    assert.equal(troubles.length, 1);
    assert.notEqual(statSync(`/dev/shm/${name}`).ino, ino);
    assert.deepEqual(filesOf(name), [name]);
    fill(owner)();
    owner.announce(nameBefore(name));
    assert.equal(troubles.length, 1);
    owner.close();
  });
}
test("an image that somebody linked to another name is lost, and the next generation has one name", (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  const owner = new ImageOwner(name);
  const unmaps = [fill(owner)];
  owner.announce();
  assert.equal(owner.isLost(), false);
  linkSync(`/dev/shm/${name}`, `/dev/shm/${name}-too`);
  assert.equal(owner.isLost(), true);
  unmaps.push(fill(owner));
  owner.announce();
  assert.equal(owner.isLost(), false);
  assert.equal(statSync(`/dev/shm/${name}`).nlink, 1);
  for (const unmap of unmaps) unmap();
  owner.close();
});
