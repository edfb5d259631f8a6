import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { errno, PosixError, UnsuitableObjectError } from "../../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../../packages/image/src/posix/libc.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { filesOf, openObjects, ownPrefix } from "./own-objects.ts";
import { readLocked } from "../read-lock.ts";

const path = (name: string): string => `/dev/shm/${name}`;
const modeOf = (name: string): number => statSync(path(name)).mode & 0o777;

function create(name: string, mode = 0o660): SharedMemoryObject {
  const object = SharedMemoryObject.createExclusive(name, mode);
  assert.ok(object);
  return object;
}

function adopt(name: string, mode = 0o660): SharedMemoryObject {
  const object = SharedMemoryObject.adopt(name, mode);
  assert.ok(object);
  return object;
}

test("a new object has exactly the mode asked for, whatever the umask", (t) => {
  const name = `${ownPrefix(t)}a`;
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  create(name, 0o640).close();
  assert.equal(modeOf(name), 0o640);
});

test("a taken name and an absent one are values, not errors", (t) => {
  const name = `${ownPrefix(t)}a`;
  assert.equal(SharedMemoryObject.adopt(name, 0o660), undefined);
  assert.equal(SharedMemoryObject.openExisting(name, "read-only"), undefined);
  assert.equal(SharedMemoryObject.remove(name), false);
  create(name).close();
  assert.equal(SharedMemoryObject.createExclusive(name, 0o660), undefined);
  assert.equal(SharedMemoryObject.remove(name), true);
});

test("an adopted object keeps inode, size and content and gets its mode back", (t) => {
  const name = `${ownPrefix(t)}a`;
  writeFileSync(path(name), "stale", { mode: 0o666 });
  const before = statSync(path(name)).ino;
  using object = adopt(name);
  assert.equal(object.sizeBytes(), 5);
  assert.equal(statSync(path(name)).ino, before);
  assert.equal(modeOf(name), 0o660);
  object.reserve(100);
  assert.equal(readFileSync(path(name), "latin1").slice(0, 6), "stale\0");
  assert.equal(object.sizeBytes(), 100);
});

test("what is no plain file of this user's is refused, untouched, in words that name it", (t) => {
  const prefix = ownPrefix(t);
  const foreign = `${prefix}foreign`;
  const cases: [name: string, make: (file: string) => void, reason: RegExp][] = [
    ["directory", (file) => mkdirSync(file), /is a directory; remove it/],
    ["link", (file) => symlinkSync(path(foreign), file), /is a symbolic link; remove it/],
    ["pipe", (file) => execFileSync("mkfifo", [file]), /is neither a file nor a directory; remove it/],
    ["second-name", (file) => linkSync(path(foreign), file), /has 2 names/],
  ];
  writeFileSync(path(foreign), "precious");
  for (const [kind, make, reason] of cases) {
    const name = prefix + kind;
    make(path(name));
    const files = filesOf(prefix);
    assert.throws(
      () => SharedMemoryObject.adopt(name, 0o660),
      (error) => error instanceof UnsuitableObjectError && error.object === name && reason.test(error.message),
      kind,
    );
    assert.equal(SharedMemoryObject.createExclusive(name, 0o660), undefined);
    assert.deepEqual(filesOf(prefix), files);
  }
  assert.equal(readFileSync(path(foreign), "latin1"), "precious");
  assert.deepEqual(openObjects(), []);
});

test("a foreign user's object is not taken over", { skip: process.geteuid?.() !== 0 && "needs root" }, (t) => {
  const name = `${ownPrefix(t)}a`;
  writeFileSync(path(name), "theirs");
  chownSync(path(name), 12345, 12345);
  assert.throws(() => SharedMemoryObject.adopt(name, 0o660), {
    code: "UnsuitableObject",
    message: new RegExp(`cannot take over shared memory ${name} because ${path(name)} belongs to user id 12345`),
  });
});

test("an impossible name is refused before the system sees it", () => {
  for (const name of ["", ".", "..", "a/b", "a\0b", "ä".repeat(128)]) {
    assert.throws(() => SharedMemoryObject.createExclusive(name, 0o660), UnsuitableObjectError, name);
  }
});

test("more than there is memory is refused when it is reserved, not when it is written", (t) => {
  const name = `${ownPrefix(t)}a`;
  using object = create(name);
  assert.throws(
    () => object.reserve(2 ** 52),
    (error) =>
      error instanceof PosixError &&
      error.code === "ENOSPC" &&
      error.object === name &&
      error.message.includes(`${name} because /dev/shm has no room left`),
  );
  assert.equal(object.sizeBytes(), 0);
});

test("what is written shows in a mapping at once, and a mapping that was given up finds nothing", (t) => {
  const name = `${ownPrefix(t)}a`;
  using object = create(name);
  object.reserve(8192);
  const mapping = object.map("read-only");
  const bytes = new Uint8Array(mapping.buffer);
  object.writeAt(Uint8Array.of(1, 2, 3), 5000);
  assert.deepEqual(bytes.subarray(4999, 5004), Uint8Array.of(0, 1, 2, 3, 0));
  mapping.unmap();
  mapping.unmap();
  assert.equal(bytes[5000], undefined);
});

test("a call that a signal interrupts is made again", (t) => {
  const name = `${ownPrefix(t)}a`;
  using object = create(name);
  const interrupted = new Set<string>();
  t.after(() => injectFaults(undefined));
  injectFaults((functionName) => {
    if (interrupted.has(functionName)) return undefined;
    interrupted.add(functionName);
    return errno.EINTR;
  });
  object.reserve(100);
  object.writeAt(Uint8Array.of(65), 0);
  injectFaults(undefined);
  assert.deepEqual(interrupted, new Set(["posix_fallocate", "pwrite"]));
  assert.equal(readFileSync(path(name), "latin1"), `A${"\0".repeat(99)}`);
});

test("a writer survives that somebody cuts the object", (t) => {
  const name = `${ownPrefix(t)}a`;
  using object = create(name);
  object.reserve(8192);
  truncateSync(path(name), 0);
  object.writeAt(Uint8Array.of(7), 8191);
  assert.equal(object.sizeBytes(), 8192);
});

test("cleared bytes read as NUL and the size stays", (t) => {
  const name = `${ownPrefix(t)}a`;
  writeFileSync(path(name), "x".repeat(20_000));
  using object = adopt(name);
  object.clearFrom(10);
  assert.equal(readFileSync(path(name), "latin1"), "x".repeat(10) + "\0".repeat(19_990));
});

test("the lock is one opening's, until it is closed", (t) => {
  const name = `${ownPrefix(t)}a`;
  const first = create(name);
  using second = adopt(name);
  assert.equal(first.tryLock(), true);
  assert.equal(first.tryLock(), true);
  assert.equal(second.tryLock(), false);
  SharedMemoryObject.fromDescriptor(first.descriptor, name).close();
  assert.equal(second.tryLock(), false);
  first.close();
  first.close();
  assert.equal(second.tryLock(), true);
});

test("whether somebody has the lock can be asked without taking it, with read permission only", (t) => {
  const name = `${ownPrefix(t)}a`;
  const writer = create(name);
  using reader = SharedMemoryObject.openExisting(name, "read-only");
  assert.equal(reader?.isLocked(), false);
  assert.equal(writer.tryLock(), true);
  assert.equal(reader?.isLocked(), true);
  writer.close();
  assert.equal(reader?.isLocked(), false);
  using other = readLocked(name);
  assert.equal(reader?.isLocked(), false, `only readers have ${other.name} locked`);
});

test("an object knows when its name leads to none or to another", (t) => {
  const name = `${ownPrefix(t)}a`;
  using object = create(name);
  assert.equal(object.isLinked(), true);
  object.unlink();
  assert.equal(object.isLinked(), false);
  using successor = create(name);
  assert.equal(object.isLinked(), false);
  assert.equal(successor.isLinked(), true);
});

test("a replaced object keeps its descriptor's number and the successor's lock", (t) => {
  const prefix = ownPrefix(t);
  const name = `${prefix}a`;
  const object = create(name);
  object.unlink();
  const successor = create(name);
  assert.equal(successor.tryLock(), true);
  const otherThread = SharedMemoryObject.fromDescriptor(object.descriptor, name);
  object.replaceBy(successor).close();
  otherThread.writeAt(Uint8Array.of(65), 0);
  assert.equal(readFileSync(path(name), "latin1"), "A");
  using rival = adopt(name);
  assert.equal(rival.tryLock(), false);
  object.close();
  assert.equal(rival.tryLock(), true);
});
