import assert from "node:assert/strict";
import { test } from "node:test";
import { block, ConnectionState, header } from "../../packages/image/src/layout.ts";
import { retireImage } from "../../packages/image/src/image-writer.ts";
import { wallClockNs } from "../../packages/image/src/posix/wall-clock.ts";
import type { PointSink } from "../../packages/image/src/point-sink.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { imageOf, poll, renewed, seen, serverOf } from "./sample-image.ts";

const { Double, String: Text, UInt16 } = BuiltInType;

test("before the first poll every point waits for initial data and the server waits", () => {
  const { reader } = imageOf(serverOf("A", 0, 16));
  const { connection, lastGoodNs, cycle } = seen(reader).state;
  assert.equal(connection, ConnectionState.waiting);
  assert.deepEqual([lastGoodNs, cycle], [0n, 0n]);
  for (const index of [0, 1]) {
    assert.deepEqual(seen(reader).value(index), { type: BuiltInType.Null, value: null });
    assert.equal(seen(reader).status(index), StatusCode.BadWaitingForInitialData);
  }
});

test("the values of one poll appear together, and none of them before", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0, 0, 16));
  const [a] = blocks;
  poll(a!, (sink) => [0, 1].forEach((index) => sink.setNumber(index, UInt16, 1)));
  a!.begin();
  a!.setNumber(0, UInt16, 2);
  a!.setValue(2, { type: Text, value: "two" }, StatusCode.Good);
  assert.deepEqual([seen(reader).value(0).value, seen(reader).value(2).value], [1, null]);
  a!.setNumber(1, UInt16, 2);
  a!.publish(ConnectionState.connected, 1);
  assert.deepEqual(
    [0, 1, 2].map((index) => seen(reader).value(index).value),
    [2, 2, "two"],
  );
});

test("a poll that was given up leaves nothing, and a point that is not set keeps what it had", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0, 0, 16));
  const [a] = blocks;
  poll(a!, (sink) => {
    sink.setNumber(0, UInt16, 1);
    sink.setValue(2, { type: Text, value: "first" }, StatusCode.Good);
  });
  a!.begin();
  a!.setNumber(0, UInt16, 99);
  a!.setNumber(1, UInt16, 99);
  a!.setValue(2, { type: Text, value: "given up" }, StatusCode.Good);
  poll(a!, (sink) => sink.setNumber(1, UInt16, 7));
  assert.deepEqual(
    [0, 1, 2].map((index) => seen(reader).value(index).value),
    [1, 7, "first"],
  );
});

test("what comes after the publication is dropped", () => {
  const { reader, blocks } = imageOf(serverOf("A", 16));
  const [a] = blocks;
  poll(a!, (sink) => sink.setNumber(0, UInt16, 1));
  a!.setNumber(0, UInt16, 2);
  a!.setValue(0, { type: Text, value: "late" }, StatusCode.Good);
  a!.setStatus(0, StatusCode.BadTimeout);
  assert.deepEqual([seen(reader).value(0).value, seen(reader).status(0)], [1, StatusCode.Good]);
  poll(a!, () => {});
  assert.deepEqual([seen(reader).value(0).value, seen(reader).status(0)], [1, StatusCode.Good]);
});

test("a bad status leaves the last value and its source time in place", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0));
  const [a] = blocks;
  poll(a!, (sink) => {
    const source = { unixMs: 1_700_000_000_123, subMsNs: 456_789 };
    sink.setValue(0, { type: Double, value: 1.5 }, StatusCode.Good, source);
  });
  assert.equal(seen(reader).reading(0).sourceNs, 1_700_000_000_123_456_789n);
  poll(a!, (sink) => sink.setStatus(0, StatusCode.BadOutOfRange));
  const { value, status, sourceNs } = seen(reader).reading(0);
  assert.deepEqual([value, status, sourceNs], [1.5, StatusCode.BadOutOfRange, 1_700_000_000_123_456_789n]);
});

/** Each way in which something about a point comes. */
const comings: Readonly<Record<string, (sink: PointSink) => void>> = {
  "a number": (sink) => sink.setNumber(0, UInt16, 1),
  "a number with source time": (sink) => sink.setTimedNumber(0, UInt16, 1, StatusCode.Good, 1, 0),
  "a value with status and source time": (sink) =>
    sink.setValue(0, { type: Double, value: 1.5 }, StatusCode.Good, { unixMs: 1, subMsNs: 0 }),
  "an integer of 64 bits": (sink) => sink.setValue(0, { type: BuiltInType.Int64, value: 1n }, StatusCode.Good),
  "a text": (sink) => sink.setValue(0, { type: Text, value: "x" }, StatusCode.Good),
  "a text that is cut": (sink) => sink.setValue(0, { type: Text, value: "x".repeat(20) }, StatusCode.Good),
  "a null": (sink) => sink.setValue(0, { type: Double, value: null }, StatusCode.Good),
  "a status": (sink) => sink.setStatus(0, StatusCode.BadOutOfRange),
};

for (const [what, come] of Object.entries(comings)) {
  test(`${what} came when its response came, and grows old while nothing comes`, () => {
    const { reader, blocks } = imageOf(serverOf("A", 16));
    const [a] = blocks;
    const receivedNs = (): bigint => seen(reader).reading(0).receivedNs;
    a!.begin();
    const requestedNs = wallClockNs();
    a!.responseCame();
    const cameNs = wallClockNs();
    come(a!);
    a!.publish(ConnectionState.connected, 1);
    assert.ok(receivedNs() >= requestedNs && receivedNs() <= cameNs);
    assert.ok(seen(reader).state.requestedNs <= requestedNs && seen(reader).state.publishedNs >= cameNs);
    const before = receivedNs();
    poll(a!, (sink) => sink.responseCame());
    a!.begin();
    a!.setEveryStatus(StatusCode.BadNoCommunication);
    a!.publish(ConnectionState.lost);
    assert.equal(receivedNs(), before, "a lost connection brings nothing");
  });
}

test("source timestamps are exact to the nanosecond, from 1601 to beyond 2200", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0));
  for (const unixMs of [-11_644_473_600_000 + 3_000_000_000_000, -1, 0, 1, 4_294_967_296, 1_753_000_000_001, 7e12]) {
    for (const subMsNs of [0, 1, 999_999]) {
      poll(blocks[0]!, (sink) => sink.setValue(0, { type: Double, value: 1 }, StatusCode.Good, { unixMs, subMsNs }));
      assert.equal(seen(reader).reading(0).sourceNs, BigInt(unixMs) * 1_000_000n + BigInt(subMsNs));
    }
  }
});

test("both counters wrap at 32 bits without a reader noticing", () => {
  const { reader, blocks, directory, memory } = imageOf(serverOf("A", 0));
  const words = new Uint32Array(memory.buffer);
  const at = directory.groups[0]!.blockOffset / 4;
  // One publication so far, in bank 1: an odd number leads to the same bank.
  words[at + block.begun / 4] = words[at + block.published / 4] = 0xfffffffd;
  const publications: number[] = [];
  for (let value = 1; value <= 6; value++) {
    blocks[0]!.begin();
    blocks[0]!.setNumber(0, UInt16, value);
    assert.equal(seen(reader).value(0).value, value === 1 ? null : value - 1);
    blocks[0]!.publish(ConnectionState.connected, 1);
    assert.equal(seen(reader).value(0).value, value);
    publications.push(reader.published(0));
  }
  assert.deepEqual(publications, [0xfffffffe, 0xffffffff, 0, 1, 2, 3]);
});

test("a copy that was overtaken is refused", () => {
  const { reader, directory, memory } = imageOf(serverOf("A", 0));
  const words = new Uint32Array(memory.buffer);
  const begun = directory.groups[0]!.blockOffset / 4 + block.begun / 4;
  const snapshot = reader.reusableSnapshot(0);
  words[begun] = reader.published(0) + 1;
  assert.equal(snapshot.refresh(1), true, "one further poll writes the other bank");
  words[begun] = reader.published(0) + 2;
  assert.equal(snapshot.refresh(1), false);
  assert.equal(reader.snapshot(0), undefined);
});

test("a new generation in the middle of a poll keeps published and open values, counters and times", () => {
  const { reader, writer, blocks } = imageOf(serverOf("A", 0, 16, 8));
  const [a] = blocks;
  poll(a!, (sink) => {
    sink.setNumber(0, UInt16, 1);
    sink.setValue(1, { type: Text, value: "published" }, StatusCode.Good);
  });
  const before = seen(reader).reading(0);
  a!.begin();
  a!.setNumber(0, UInt16, 2);
  a!.setValue(2, { type: Text, value: "open" }, StatusCode.Good);
  const next = renewed(writer, [serverOf("A", 0, 64, 128)]);
  assert.deepEqual(seen(next.reader).reading(0), before);
  assert.equal(seen(next.reader).value(1).value, "published");
  a!.setValue(1, { type: Text, value: "set in the new generation" }, StatusCode.Good);
  a!.publish(ConnectionState.connected, 1);
  assert.deepEqual(
    [0, 1, 2].map((index) => seen(next.reader).value(index).value),
    [2, "set in the new generation", "open"],
  );
  assert.deepEqual([next.reader.generation, reader.generation], [2, 1]);
  assert.equal(seen(reader).value(0).value, 1, "nothing is written to the old generation any more");
});

test("a value that is cut is flagged, and tells how much room it needs", () => {
  const { reader, writer, blocks } = imageOf(serverOf("A", 8));
  const [a] = blocks;
  poll(a!, (sink) => sink.setValue(0, { type: Text, value: "Kühlwasser" }, StatusCode.Good));
  assert.deepEqual(seen(reader).reading(0).status, StatusCode.BadEncodingLimitsExceeded);
  assert.equal(seen(reader).value(0).value, "Kühlwas");
  assert.deepEqual([...a!.truncatedPoints], [[0, 11]]);
  const next = renewed(writer, [serverOf("A", 11)]);
  assert.deepEqual([...a!.truncatedPoints], []);
  poll(a!, (sink) => sink.setValue(0, { type: Text, value: "Kühlwasser" }, StatusCode.Good));
  assert.deepEqual([seen(next.reader).value(0).value, seen(next.reader).status(0)], ["Kühlwasser", StatusCode.Good]);
});

test("a retired image wakes every sleeper and keeps its last bank", async () => {
  const { reader, blocks, directory, memory } = imageOf(serverOf("A", 0), serverOf("B", 0));
  for (const [index, own] of blocks.entries()) poll(own, (sink) => sink.setNumber(0, UInt16, index + 1));
  blocks[1]!.begin(); // a poll that never ends
  blocks[1]!.setNumber(0, UInt16, 99);
  const words = new Int32Array(memory.buffer as SharedArrayBuffer);
  const offsets = [header.publications, ...directory.groups.map(({ blockOffset }) => blockOffset + block.published)];
  const sleeps = offsets.map((offset) => Atomics.waitAsync(words, offset / 4, words[offset / 4]!, 60_000));
  assert.ok(sleeps.every((sleep) => sleep.async));
  assert.equal(reader.isRetired, false);
  retireImage(memory);
  for (const sleep of sleeps) assert.equal(await sleep.value, "ok");
  assert.equal(reader.isRetired, true);
  assert.deepEqual(
    [0, 1].map((server) => seen(reader, server).value(0).value),
    [1, 2],
  );
});

test("every publication wakes who sleeps on its group or on all of them", async () => {
  const { blocks, directory, memory } = imageOf(serverOf("A", 0), serverOf("B", 0));
  const words = new Int32Array(memory.buffer as SharedArrayBuffer);
  const offsets = [header.publications, directory.groups[1]!.blockOffset + block.published];
  const sleeps = offsets.map((offset) => Atomics.waitAsync(words, offset / 4, words[offset / 4]!, 60_000));
  poll(blocks[1]!, () => {});
  for (const sleep of sleeps) assert.equal(await sleep.value, "ok");
});

test("a poll's duration, cycle and times are in the bank and in the buckets", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0));
  const [a] = blocks;
  for (const durationMs of [0, 0.5, 1, 1, 1e9]) {
    a!.begin();
    a!.publish(ConnectionState.connected, durationMs);
  }
  const { cycle, durationNs, lastGoodNs, publishedNs } = seen(reader).state;
  assert.deepEqual([cycle, durationNs, lastGoodNs], [5n, 1_000_000_000_000_000n, publishedNs]);
  const durations = reader.histogram(0, "pollDuration");
  // 0 and less than a microsecond first, 500 us in 2^(35/4) to 2^(36/4), 1000 us in 2^(39/4) to 2^(40/4), what is too long last.
  assert.deepEqual([durations[0], durations[35], durations[39], durations.at(-1)], [1, 1, 2, 1]);
  a!.begin();
  a!.publish(ConnectionState.lost);
  const lost = seen(reader).state;
  assert.deepEqual([lost.cycle, lost.lastGoodNs], [5n, lastGoodNs], "no answer, no poll");
});

test("values of two responses in one poll count with the delay of their own response", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0, 0, 0));
  const [a] = blocks;
  a!.begin();
  for (const index of [0, 1]) a!.setNumber(index, BuiltInType.UInt16, 1);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
  a!.responseCame();
  a!.setNumber(2, BuiltInType.UInt16, 1);
  a!.publish(ConnectionState.connected, 1);
  const counts = reader.histogram(0, "receivedToPublished").filter((count) => count > 0);
  assert.deepEqual([...counts], [1, 2], "the later response waited less");
});
