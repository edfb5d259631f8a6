import assert from "node:assert/strict";
import { test } from "node:test";
import { header, ImageState } from "../../packages/image/src/layout.ts";
import { isUsable, OpenedImage, usability, type GroupSnapshot, type Wanted } from "../../packages/image/src/reader.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { numbersServer } from "../readers/every-type.ts";
import { PatternWriterProcess } from "../readers/pattern-writer-process.ts";
import { TestWriter, uniqueName } from "../readers/test-writer.ts";

const minute: Wanted = { maxAgeMs: 60_000 };

function published(writer: TestWriter, image: OpenedImage, status: number = StatusCode.Good): GroupSnapshot {
  writer.publish(0, (block) => block.setValue(0, { type: BuiltInType.Double, value: 1 }, status));
  return taken(image);
}

function taken(image: OpenedImage): GroupSnapshot {
  const snapshot = image.current()?.snapshot(0);
  assert.ok(snapshot);
  return snapshot;
}

function reasonOf(image: OpenedImage, snapshot: GroupSnapshot, wanted = minute): string {
  const answer = usability(image, snapshot, 0, wanted);
  return answer.isUsable ? "usable" : answer.reason;
}

test("a good value of a living writer is usable, and a bad, uncertain or old one is not", () => {
  using writer = new TestWriter([numbersServer("numbers", 1)]);
  using image = new OpenedImage(writer.name);
  const uncertain = 0x40900000;
  assert.equal(reasonOf(image, published(writer, image)), "usable");
  assert.equal(isUsable(image, taken(image), 0, minute), true);
  assert.equal(reasonOf(image, taken(image), { maxAgeMs: -1 }), "tooOld");
  assert.equal(reasonOf(image, published(writer, image, uncertain)), "uncertainStatus");
  assert.equal(reasonOf(image, taken(image), { ...minute, acceptUncertain: true }), "usable");
  const bad = published(writer, image, StatusCode.BadTimeout);
  assert.deepEqual(usability(image, bad, 0, { ...minute, acceptUncertain: true }), {
    isUsable: false,
    reason: "badStatus",
    why: "its status is BadTimeout",
  });
});

test("a value that came from the future, since the clock was set back, is too old", () => {
  using writer = new TestWriter([numbersServer("numbers", 1)]);
  using image = new OpenedImage(writer.name);
  const now = Date.now;
  const snapshot = published(writer, image);
  Date.now = () => now() - 61_000;
  try {
    new BigInt64Array(writer.words.buffer)[header.heartbeatNs / 8] = BigInt(Date.now()) * 1_000_000n;
    assert.equal(reasonOf(image, snapshot), "tooOld");
  } finally {
    Date.now = now;
  }
});

test("no value is usable while the writer hangs", () => {
  using writer = new TestWriter([numbersServer("numbers", 1)]);
  using image = new OpenedImage(writer.name);
  const snapshot = published(writer, image);
  const longs = new BigInt64Array(writer.words.buffer);
  const heartbeatNs = longs[header.heartbeatNs / 8] ?? 0n;
  for (const awayNs of [-5_100_000_000n, 3_600_000_000_000n]) {
    longs[header.heartbeatNs / 8] = heartbeatNs + awayNs;
    assert.equal(reasonOf(image, snapshot), "writerHangs");
  }
  writer.words[header.intervalMs / 4] = 2_000_000;
  assert.equal(reasonOf(image, snapshot), "usable", "the heartbeat may be three intervals old");
});

test("no value is usable when its image is retired, replaced, or gone", () => {
  using image = new OpenedImage(uniqueName());
  {
    using writer = new TestWriter([numbersServer("numbers", 1)], image.name);
    const snapshot = published(writer, image);
    writer.replace([numbersServer("numbers", 1)]);
    assert.equal(reasonOf(image, snapshot), "retired");
    const present = taken(image);
    assert.equal(reasonOf(image, present), "usable");
    writer.words[header.state / 4] = ImageState.retired;
    assert.equal(reasonOf(image, present), "retired");
  }
  using writer = new TestWriter([numbersServer("numbers", 1)]);
  using other = new OpenedImage(writer.name);
  assert.equal(reasonOf(image, published(writer, other)), "noImage");
});

test("nothing is usable after the writer was killed", { timeout: 200_000 }, async () => {
  const name = uniqueName();
  using image = new OpenedImage(name);
  try {
    await using writer = await PatternWriterProcess.load(name, 10, "waking");
    await writer.write();
    const snapshot = taken(image);
    assert.equal(reasonOf(image, snapshot), "usable");
    await writer.kill();
    assert.equal(reasonOf(image, snapshot), "writerDead");
    assert.equal(reasonOf(image, taken(image)), "writerDead");
  } finally {
    for (const left of [name, `${name}.next`]) SharedMemoryObject.remove(left);
  }
});
