import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { planDirectory } from "../../packages/image/src/directory.ts";
import { mappedMemory } from "../../packages/image/src/image-memory.ts";
import { header } from "../../packages/image/src/layout.ts";
import { ImageWriter } from "../../packages/image/src/image-writer.ts";
import { errno } from "../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../packages/image/src/posix/libc.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { WatchedImage } from "../../packages/documents/src/watched-image.ts";
import { ownPrefix } from "../image/posix/own-objects.ts";
import { serverOf } from "../image/sample-image.ts";
import { recordingLog } from "../partition/sources/test-source.ts";

const watchdog = { timeout: 200_000 };

/** An image under a name, and who watches it in a time of the test's. */
function setUp(t: TestContext, intervalMs = 1000) {
  let nowMs = 0;
  const name = `${ownPrefix(t)}modbus_image`;
  const directory = planDirectory([serverOf("A", 0)]);
  const object = SharedMemoryObject.createExclusive(name, 0o640)!;
  object.reserve(directory.imageBytes);
  assert.ok(object.tryLock());
  const mapping = object.map("read-write");
  const writer = new ImageWriter({ service: "modbus", intervalMs }, directory, mappedMemory(mapping));
  const { log, lines } = recordingLog();
  const watched = new WatchedImage(
    name,
    log,
    () => nowMs,
    () => wallNs(),
  );
  const integers = new BigInt64Array(mapping.buffer);
  const wallNs = (): bigint => 1_700_000_000_000_000_000n + BigInt(nowMs) * 1_000_000n;
  const beat = (): void => void (integers[header.heartbeatNs / 8] = wallNs());
  beat();
  t.after(() => {
    watched.close();
    mapping.unmap();
    object.close();
    SharedMemoryObject.remove(name);
  });
  return {
    writer,
    watched,
    beat,
    lines,
    isLiveAfter: async (durationMs: number): Promise<boolean> => {
      nowMs += durationMs;
      await watched.change(0);
      return watched.isLive();
    },
    /** As the end of the process does it. */
    die: () => {
      mapping.unmap();
      object.close();
    },
  };
}

test("an image is live while its writer beats, and not one and a half intervals after the last beat", async (t) => {
  const { watched, beat, isLiveAfter } = setUp(t);
  assert.equal(watched.isLive(), true);
  for (let beats = 0; beats < 10; beats++) {
    beat();
    assert.equal(await isLiveAfter(0), true);
    assert.equal(await isLiveAfter(1400), true);
  }
  assert.equal(await isLiveAfter(90), true);
  assert.equal(await isLiveAfter(20), false, "it hangs");
  beat();
  assert.equal(await isLiveAfter(0), true, "it goes on");
});

test("a tick is a sign of life, too", async (t) => {
  const { watched, writer, isLiveAfter } = setUp(t);
  assert.equal(watched.isLive(), true);
  for (let ticks = 0; ticks < 10; ticks++) {
    assert.equal(await isLiveAfter(1400), true);
    writer.tick();
    assert.equal(await isLiveAfter(0), true);
  }
});

test("with a short interval a pause of less than half a second is not taken for the end", async (t) => {
  const { watched, isLiveAfter } = setUp(t, 10);
  assert.equal(watched.isLive(), true);
  assert.equal(await isLiveAfter(400), true);
  assert.equal(await isLiveAfter(101), false);
});

test("an interval of an hour does not make a hung writer look alive for an hour", async (t) => {
  const { watched, isLiveAfter } = setUp(t, 3_600_000);
  assert.equal(watched.isLive(), true);
  assert.equal(await isLiveAfter(5001), false);
});

test("an old heartbeat that is seen for the first time is an old one", async (t) => {
  const { watched, writer, beat, isLiveAfter } = setUp(t);
  const integers = new BigInt64Array(writer.memory.buffer);
  integers[header.heartbeatNs / 8]! -= 2_000_000_000n;
  assert.equal(watched.isLive(), false);
  beat();
  assert.equal(await isLiveAfter(0), true);
});

test("an image whose writer is gone, or that is retired, is not live", async (t) => {
  const dead = setUp(t);
  assert.equal(dead.watched.isLive(), true);
  dead.die();
  assert.equal(await dead.isLiveAfter(0), false);
  assert.notEqual(dead.watched.image(), undefined, "it is there all the same");
  const retired = setUp(t);
  assert.equal(retired.watched.isLive(), true);
  retired.writer.retire();
  assert.equal(retired.watched.isLive(), false);
});

test("a tick ends the pause, from wherever the image is written", watchdog, async (t) => {
  const { watched, writer } = setUp(t, 3_600_000);
  for (let ticks = 0; ticks < 100; ticks++) {
    const before = watched.image()!.ticks;
    const changed = watched.change(Infinity);
    if (ticks % 2 === 0) await new Promise(setImmediate);
    writer.tick();
    await changed;
    assert.equal(watched.image()!.ticks, before + 1);
  }
});

test(
  "the pause ends without a tick, so that the death of the writer is seen, and when it is rung",
  watchdog,
  async (t) => {
    const { watched, die } = setUp(t, 3_600_000);
    assert.equal(watched.isLive(), true);
    watched.ring();
    await watched.change(Infinity);
    assert.equal(watched.isLive(), true);
    die();
    await watched.change(Infinity);
    assert.equal(watched.isLive(), false);
  },
);

test("a system that refuses to sleep costs no processor", watchdog, async (t) => {
  const { watched, writer } = setUp(t);
  let calls = 0;
  injectFaults((name) => (name === "futex" ? (calls++, errno.ENOSYS) : undefined));
  t.after(() => injectFaults(undefined));
  const before = watched.image()!.ticks;
  const from = performance.now();
  while (performance.now() - from < 200) await watched.change(20);
  const mostCalls = (performance.now() - from) / 5 + 10;
  assert.ok(calls <= mostCalls, `${calls} calls`);
  writer.tick();
  await watched.change(Infinity);
  assert.equal(watched.image()!.ticks, before + 1);
});

test("there is no image until there is one", (t) => {
  const { log } = recordingLog();
  using watched = new WatchedImage(`${ownPrefix(t)}modbus_image`, log);
  assert.equal(watched.image(), undefined);
  assert.equal(watched.isLive(), false);
});
