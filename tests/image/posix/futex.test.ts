import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { waitOnWord, wakeSleepers } from "../../../packages/image/src/posix/futex.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { OtherProcess } from "./other-process.ts";
import { ownPrefix } from "./own-objects.ts";

test("a sleeper in another process with a read-only mapping is woken", { timeout: 200_000 }, async (t) => {
  const name = `${ownPrefix(t)}a`;
  using object = SharedMemoryObject.createExclusive(name, 0o640)!;
  object.reserve(4096);
  using mapping = object.map("read-write");
  new Int32Array(mapping.buffer)[2] = 5;
  const sleeper = new OtherProcess(t, new URL("peer.ts", import.meta.url), ["sleep", name]);
  assert.equal(await sleeper.next(), "ready");
  while (wakeSleepers(mapping, 8) === 0) await setImmediate();
  assert.equal(await sleeper.next(), "Woken");
});

test("a word that changed already is not slept on, and a time-out ends the sleep", (t) => {
  using object = SharedMemoryObject.createExclusive(`${ownPrefix(t)}a`, 0o640)!;
  object.reserve(4096);
  using mapping = object.map("read-only");
  assert.equal(waitOnWord(mapping, 0, 1, 60_000), "NotEqual");
  assert.equal(waitOnWord(mapping, 0, 0, 1), "TimedOut");
});

test("a word outside the mapping is an error that names the object", (t) => {
  using object = SharedMemoryObject.createExclusive(`${ownPrefix(t)}a`, 0o640)!;
  object.reserve(4096);
  using mapping = object.map("read-only");
  assert.throws(() => waitOnWord(mapping, 1, 0, 1), { code: "EINVAL", object: object.name });
});
