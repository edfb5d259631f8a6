import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { test } from "node:test";
import { injectFaults } from "../../../packages/image/src/posix/libc.ts";
import {
  AnotherWriterError,
  becomeSingleWriter,
  removeAbandoned,
} from "../../../packages/image/src/posix/single-writer.ts";
import { OtherProcess } from "./other-process.ts";
import { filesOf, openObjects, ownPrefix } from "./own-objects.ts";

const peer = new URL("peer.ts", import.meta.url);

test("a second process is refused while the first lives, and takes over when it was killed", async (t) => {
  const prefix = ownPrefix(t);
  const name = `${prefix}a`;
  const first = new OtherProcess(t, peer, ["write", name]);
  assert.equal(await first.next(), "ready");
  const inode = statSync(`/dev/shm/${name}`).ino;
  for (const attempt of [() => becomeSingleWriter(name, 4096, 0o660), () => removeAbandoned(name)]) {
    assert.throws(
      attempt,
      (error) => error instanceof AnotherWriterError && error.code === "AnotherWriter" && error.object === name,
    );
  }
  await first.kill();
  const { object, origin } = becomeSingleWriter(name, 8192, 0o660);
  assert.equal(origin, "TakenOver");
  assert.equal(statSync(`/dev/shm/${name}`).ino, inode);
  assert.equal(object.sizeBytes(), 8192);
  assert.match(readFileSync(`/dev/shm/${name}`, "latin1"), /^from the other process\0+$/);
  object.close();
  assert.equal(removeAbandoned(name), true);
  assert.equal(removeAbandoned(name), false);
});

test("of two that start at the same moment exactly one becomes the writer", { timeout: 200_000 }, async (t) => {
  const name = `${ownPrefix(t)}a`;
  const racers = [new OtherProcess(t, peer, ["race", name]), new OtherProcess(t, peer, ["race", name])];
  const all = (): Promise<unknown[]> => Promise.all(racers.map((racer) => racer.next()));
  await all();
  for (let round = 0; round < 100; round++) {
    for (const racer of racers) racer.send("start");
    assert.deepEqual(new Set(await all()), new Set(["AnotherWriter", "won"]));
    // Half of the rounds start with a stale object, half with none.
    for (const racer of racers) racer.send(round % 2 === 0 ? "unlink" : "keep");
    await all();
  }
});

test("a lock on what was removed in the meantime does not make a writer", (t) => {
  const name = `${ownPrefix(t)}a`;
  becomeSingleWriter(name, 10, 0o660).object.close();
  let removals = 3;
  t.after(() => injectFaults(undefined));
  // Just before the lock is taken somebody removes the name.
  injectFaults((functionName) => {
    if (functionName === "fcntl" && removals-- > 0) unlinkSync(`/dev/shm/${name}`);
    return undefined;
  });
  const { object, origin } = becomeSingleWriter(name, 10, 0o660);
  injectFaults(undefined);
  assert.equal(origin, "Created");
  assert.equal(object.isLinked(), true);
  object.close();
  assert.deepEqual(openObjects(), []);
});

test("a start that finds no room leaves no new object, and a stale one in its place", (t) => {
  const prefix = ownPrefix(t);
  assert.throws(() => becomeSingleWriter(`${prefix}a`, 2 ** 52, 0o660), { code: "ENOSPC" });
  assert.deepEqual(filesOf(prefix), []);
  becomeSingleWriter(`${prefix}a`, 10, 0o660).object.close();
  assert.throws(() => becomeSingleWriter(`${prefix}a`, 2 ** 52, 0o660), { code: "ENOSPC" });
  assert.deepEqual(filesOf(prefix), [`${prefix}a`]);
  assert.deepEqual(openObjects(), []);
});

test("what is not ours loses the name to a new object, and holds what it held", (t) => {
  const prefix = ownPrefix(t);
  const foreign = `/dev/shm/${prefix}foreign`;
  writeFileSync(foreign, "precious");
  const cases: [kind: string, make: (file: string) => void, reason: RegExp][] = [
    ["link", (file) => symlinkSync(foreign, file), /is a symbolic link$/],
    ["pipe", (file) => execFileSync("mkfifo", [file]), /is neither a file nor a directory$/],
    ["second-name", (file) => linkSync(foreign, file), /has 2 names \(hard links\)$/],
  ];
  for (const lock of ["required", "wanted"] as const) {
    for (const [kind, make, reason] of cases) {
      const name = prefix + kind;
      make(`/dev/shm/${name}`);
      const reasons: string[] = [];
      const { object, origin } = becomeSingleWriter(name, 10, 0o660, lock, (why) => reasons.push(why));
      assert.equal(origin, "Created", kind);
      assert.equal(reasons.length, 1, kind);
      assert.match(reasons[0]!, reason);
      assert.equal(object.hasOtherNames(), false);
      object.unlink();
      object.close();
    }
  }
  assert.equal(readFileSync(foreign, "latin1"), "precious");
  assert.deepEqual(openObjects(), []);
});

test("another user's object loses the name, too", { skip: process.geteuid?.() !== 0 && "needs root" }, (t) => {
  const name = `${ownPrefix(t)}a`;
  writeFileSync(`/dev/shm/${name}`, "theirs");
  chownSync(`/dev/shm/${name}`, 12345, 12345);
  const { object, origin } = becomeSingleWriter(name, 10, 0o660);
  assert.equal(origin, "Created");
  assert.equal(statSync(`/dev/shm/${name}`).uid, 0);
  object.close();
});

test("a directory keeps the name", (t) => {
  const name = `${ownPrefix(t)}a`;
  mkdirSync(`/dev/shm/${name}`);
  assert.throws(() => becomeSingleWriter(name, 10, 0o660), {
    code: "UnsuitableObject",
    message: /is a directory; remove it/,
  });
});

test("a living writer's object keeps its name, though somebody linked it to another one", (t) => {
  const name = `${ownPrefix(t)}a`;
  const first = becomeSingleWriter(name, 10, 0o660).object;
  linkSync(`/dev/shm/${name}`, `/dev/shm/${name}-too`);
  assert.throws(() => becomeSingleWriter(name, 10, 0o660), { code: "AnotherWriter" });
  assert.equal(first.isLinked(), true);
  first.close();
  const { object, origin } = becomeSingleWriter(name, 10, 0o660);
  assert.equal(origin, "Created");
  object.close();
});
