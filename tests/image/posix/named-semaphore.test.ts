import assert from "node:assert/strict";
import {
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { libc } from "../../../packages/image/src/posix/libc.ts";
import { NamedSemaphore } from "../../../packages/image/src/posix/named-semaphore.ts";
import { OtherProcess } from "./other-process.ts";
import { openObjects, ownPrefix } from "./own-objects.ts";

const path = (name: string): string => `/dev/shm/sem.${name}`;
const create = (name: string): NamedSemaphore => NamedSemaphore.createOrAdopt(name, 0o660).semaphore;

test("a new semaphore has value 1 and exactly the mode asked for, whatever the umask", (t) => {
  const name = `${ownPrefix(t)}a`;
  const umask = process.umask(0o077);
  t.after(() => process.umask(umask));
  using semaphore = create(name);
  assert.equal(semaphore.value(), 1);
  assert.equal(statSync(path(name)).mode & 0o777, 0o660);
  assert.equal(NamedSemaphore.createExclusive(name, 0o660), undefined);
});

test("a semaphore that is removed while it is opened is none, and one that is removed while it is made is made again", (t) => {
  const name = `${ownPrefix(t)}a`;
  const open = libc.open.bind(libc);
  let removals = 0;
  t.mock.method(libc, "open", (file: string, flags: number) => {
    if (removals-- > 0) unlinkSync(file);
    return open(file, flags);
  });
  removals = 2;
  using made = create(name);
  assert.ok(made.isLinked());
  removals = 1;
  assert.equal(NamedSemaphore.openExisting(name), undefined);
});

test("a permit is taken once and given back once", (t) => {
  using semaphore = create(`${ownPrefix(t)}a`);
  assert.equal(semaphore.tryWait(), true);
  assert.equal(semaphore.tryWait(), false);
  semaphore.post();
  assert.equal(semaphore.value(), 1);
});

test("who takes a permit learns how many there were, and one is given only when there is none", (t) => {
  using semaphore = create(`${ownPrefix(t)}a`);
  assert.equal(semaphore.postWhenNone(), false);
  semaphore.post();
  assert.deepEqual([semaphore.take(), semaphore.take(), semaphore.take()], [2, 1, 0]);
  assert.equal(semaphore.postWhenNone(), true);
  assert.equal(semaphore.value(), 1);
});

test("a stale semaphore keeps its value and its users", (t) => {
  const name = `${ownPrefix(t)}a`;
  using user = create(name);
  user.tryWait();
  const { semaphore, origin } = NamedSemaphore.createOrAdopt(name, 0o640);
  assert.equal(origin, "TakenOver");
  assert.equal(semaphore.value(), 0);
  user.post();
  assert.equal(semaphore.value(), 1);
  assert.equal(statSync(path(name)).mode & 0o777, 0o640);
  semaphore.close();
});

test("a file that is no semaphore is replaced by one of value 1", (t) => {
  const name = `${ownPrefix(t)}a`;
  using model = create(name);
  const tooMany = Buffer.from(readFileSync(path(name)));
  tooMany.writeUInt32LE(0x7fff_0000, 0);
  const spoiled = Buffer.from(readFileSync(path(name))).fill(0xa5, 8);
  model.unlink();
  for (const content of [
    spoiled,
    Buffer.alloc(0),
    Buffer.alloc(31),
    Buffer.alloc(5000),
    Buffer.alloc(32, 0xa5),
    tooMany,
  ]) {
    writeFileSync(path(name), content);
    using semaphore = create(name);
    assert.equal(semaphore.value(), 1);
    assert.deepEqual(readFileSync(path(name)).subarray(8), tooMany.subarray(8));
    assert.equal(semaphore.tryWait(), true);
    semaphore.unlink();
  }
});

test("a directory in the place of a semaphore is refused in words that name it", (t) => {
  const name = `${ownPrefix(t)}a`;
  mkdirSync(path(name));
  for (const attempt of [() => create(name), () => NamedSemaphore.openExisting(name)]) {
    assert.throws(attempt, {
      code: "UnsuitableObject",
      message: new RegExp(`semaphore ${name} because .* is a directory`),
    });
  }
  assert.deepEqual(openObjects(), []);
});

test("a cut semaphore is an error and not the end of the process", async (t) => {
  const name = `${ownPrefix(t)}a`;
  using semaphore = create(name);
  truncateSync(path(name), 0);
  assert.equal(semaphore.isSound(), false);
  for (const touch of [() => semaphore.tryWait(), () => semaphore.post(), () => semaphore.value()]) {
    assert.throws(touch, { code: "UnsuitableObject", message: /cut its file to 0 bytes/ });
  }
  assert.throws(() => NamedSemaphore.openExisting(name), { code: "UnsuitableObject", message: /has 0 bytes/ });
  semaphore.unlink();

  // Without the look before the touch it is the end of the process.
  create(name).close();
  const victim = new OtherProcess(t, new URL("peer.ts", import.meta.url), ["touch a cut semaphore", name]);
  assert.deepEqual(await victim.ended(), [null, "SIGBUS"]);
});

test("a semaphore that was filled with garbage is an error and not the end of the process", async (t) => {
  const name = `${ownPrefix(t)}a`;
  using semaphore = create(name);
  writeFileSync(path(name), Buffer.alloc(32, 1), { flag: "r+" });
  assert.equal(semaphore.isSound(), false);
  for (const touch of [() => semaphore.tryWait(), () => semaphore.post(), () => semaphore.value()]) {
    assert.throws(touch, { code: "UnsuitableObject", message: /wrote something else into its file/ });
  }
  semaphore.unlink();

  // Without the look before the touch it is the end of the process.
  create(name).close();
  const victim = new OtherProcess(t, new URL("peer.ts", import.meta.url), ["touch a semaphore full of garbage", name]);
  assert.deepEqual(await victim.ended(), [null, "SIGABRT"]);
});

test("a semaphore knows when its name leads to none or to another", (t) => {
  const name = `${ownPrefix(t)}a`;
  using semaphore = create(name);
  assert.equal(semaphore.isLinked(), true);
  assert.equal(semaphore.unlink(), true);
  assert.equal(semaphore.unlink(), false);
  assert.equal(semaphore.isLinked(), false);
  using successor = create(name);
  assert.deepEqual([semaphore.isLinked(), successor.isLinked()], [false, true]);
});

test("a closed semaphore is an error and not the end of the process", (t) => {
  const semaphore = create(`${ownPrefix(t)}a`);
  semaphore.close();
  semaphore.close();
  assert.throws(() => semaphore.tryWait(), { code: "UnsuitableObject" });
  assert.deepEqual(openObjects(), []);
});

test("what is no semaphore of ours alone loses the name to a new one", (t) => {
  const name = `${ownPrefix(t)}a`;
  const ours = create(name);
  linkSync(path(name), `${path(name)}-too`);
  assert.equal(ours.stateByName()?.names, 2);
  ours.close();
  for (const reason of [/has 2 names \(hard links\)$/, /is a symbolic link$/]) {
    const reasons: string[] = [];
    const { semaphore } = NamedSemaphore.createOrAdopt(name, 0o660, (why) => reasons.push(why));
    assert.match(reasons.join(), reason);
    assert.equal(semaphore.stateByName()?.names, 1);
    assert.equal(semaphore.value(), 1);
    semaphore.close();
    unlinkSync(path(name));
    symlinkSync(`${path(name)}-too`, path(name));
  }
  unlinkSync(path(name));
  unlinkSync(`${path(name)}-too`);
});
