import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { planDirectory } from "../../../packages/image/src/directory.ts";
import { mappedMemory, privateMemory } from "../../../packages/image/src/image-memory.ts";
import { ImageWriter } from "../../../packages/image/src/image-writer.ts";
import { journalHeader, markCount } from "../../../packages/image/src/journal-layout.ts";
import { ImageReader } from "../../../packages/image/src/image-reader.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { Trends, type TrendPlace, type TrendSample } from "../../../packages/monitor/src/observation/trends.ts";
import { ownPrefix } from "../../image/posix/own-objects.ts";
import { poll, serverOf } from "../../image/sample-image.ts";

/** An image with a journal in shared memory beside it. */
function journalled(t: TestContext, ringBytes = 64 * 64 * markCount) {
  const prefix = ownPrefix(t);
  const object = SharedMemoryObject.createExclusive(`${prefix}opcua_journal`, 0o640);
  assert.ok(object);
  object.reserve(journalHeader.bytes + ringBytes);
  const mapping = object.map("read-write");
  object.close();
  t.after(() => mapping.unmap());
  const directory = planDirectory([serverOf("Kessel", 0, 0)]);
  const memory = privateMemory(directory.imageBytes);
  const image = new ImageWriter({ service: "opcua", intervalMs: 1000 }, directory, memory);
  image.startJournal(mappedMemory(mapping).buffer);
  const { startedNs, pointsSince } = new ImageReader(memory.buffer);
  const placeOf = (point: number): TrendPlace => ({ service: "opcua", point, pointsSince, startedNs });
  const [group] = image.blocks.flatMap(({ groups }) => groups);
  assert.ok(group);
  const trends = new Trends(prefix);
  t.after(() => trends.close());
  return { group, trends, placeOf };
}

const nowhere: TrendPlace = { service: "opcua", point: 0, pointsSince: 1, startedNs: 1n };
const values = (samples: readonly TrendSample[]) => samples.map(([, value, severity]) => [value, severity]);

async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

test("a viewer gets what the journal has, at once, and then each change, none twice", async (t) => {
  const { group, trends, placeOf } = journalled(t);
  const set = (point: number, value: number) => poll(group, (sink) => sink.setNumber(point, BuiltInType.Double, value));
  set(0, 1);
  set(1, 100);
  set(0, 2);
  const viewer = trends.viewer();
  const places = new Map([["opcua a", placeOf(0)]]);
  viewer.take(places, {});
  set(0, 3);
  await turns();
  set(0, 3.5);
  trends.follow();
  const first = viewer.take(places, {});
  assert.deepEqual(
    first.map(({ id, samples }) => [id, values(samples)]),
    [
      [
        "opcua a",
        [
          [1, 0],
          [2, 0],
          [3, 0],
          [3.5, 0],
        ],
      ],
    ],
  );
  set(0, 4);
  set(1, 101);
  trends.follow();
  assert.deepEqual(values(viewer.take(places, {})[0]?.samples ?? []), [[4, 0]]);
  trends.follow();
  assert.deepEqual(viewer.take(places, {}), []);
});

test("a change that comes between a history and the follower's next look is told once", async (t) => {
  const { group, trends, placeOf } = journalled(t);
  const set = (value: number) => poll(group, (sink) => sink.setNumber(0, BuiltInType.Double, value));
  const places = new Map([["opcua a", placeOf(0)]]);
  const first = trends.viewer();
  first.take(places, {});
  await turns();
  set(1);
  const second = trends.viewer();
  second.take(places, {});
  await turns();
  trends.follow();
  for (const viewer of [first, second]) assert.deepEqual(values(viewer.take(places, {})[0]?.samples ?? []), [[1, 0]]);
});

test("a long history is read in slices, and nobody else waits for all of them", async (t) => {
  const changes = 30_000;
  const { group, trends, placeOf } = journalled(t, 64 * 64 * markCount * 20);
  for (let value = 0; value < changes; value++)
    poll(group, (sink) => sink.setNumber(value % 2, BuiltInType.Double, value));
  const viewer = trends.viewer();
  const places = new Map([["opcua a", placeOf(0)]]);
  viewer.take(places, {});
  let others = 0;
  let parts = viewer.take(places, {});
  for (; parts.length === 0; others++) {
    await new Promise(setImmediate);
    // What comes meanwhile is neither lost nor told twice.
    if (others === 1) poll(group, (sink) => sink.setNumber(0, BuiltInType.Double, changes));
    trends.follow();
    parts = viewer.take(places, {});
  }
  assert.ok(others >= changes / 2 / 2000, `${others} turns for others`);
  trends.follow();
  const all = [...parts, ...viewer.take(places, {})].flatMap(({ samples }) => samples);
  assert.deepEqual(
    all.map(([, value]) => value),
    Array.from({ length: changes / 2 + 1 }, (_, index) => 2 * index),
  );
});

test("a bad status is a sample without a value, and what is no number is none", async (t) => {
  const { group, trends, placeOf } = journalled(t);
  poll(group, (sink) => sink.setNumber(0, BuiltInType.Boolean, 1));
  poll(group, (sink) => sink.setStatus(0, StatusCode.BadTimeout));
  poll(group, (sink) => sink.setNumber(0, BuiltInType.Double, Number.NaN));
  const viewer = trends.viewer();
  const places = new Map([["opcua a", placeOf(0)]]);
  viewer.take(places, {});
  await turns();
  assert.deepEqual(values(viewer.take(places, {})[0]?.samples ?? []), [
    [1, 0],
    [null, 2],
    [null, 0],
  ]);
});

test("a reader that was overrun says so, and goes on", async (t) => {
  const { group, trends, placeOf } = journalled(t, 2 * 64 * markCount);
  const places = new Map([["opcua a", placeOf(0)]]);
  const viewer = trends.viewer();
  viewer.take(places, {});
  await turns();
  trends.follow();
  for (let value = 0; value < 1000; value++) poll(group, (sink) => sink.setNumber(0, BuiltInType.Double, value));
  trends.follow();
  const [part] = viewer.take(places, {});
  assert.equal(part?.isBehindGap, true);
  assert.deepEqual(part?.samples.at(-1)?.[1], 999);
});

test("without a journal a viewer gets what its rows show", async (t) => {
  const trends = new Trends(ownPrefix(t));
  t.after(() => trends.close());
  const viewer = trends.viewer();
  const row = { id: "opcua a", receivedMs: 5, value: "2.5", quality: "good" } as never;
  const places = new Map([["opcua a", nowhere]]);
  viewer.take(places, {});
  await turns();
  assert.deepEqual(viewer.take(places, { "opcua a": row }), [{ id: "opcua a", samples: [[5, 2.5, 0]] }]);
});

test("a journal that another run left says nothing about the points of this one", async (t) => {
  const { group, trends, placeOf } = journalled(t);
  poll(group, (sink) => sink.setNumber(0, BuiltInType.Double, 1));
  const viewer = trends.viewer();
  const places = new Map([["opcua a", { ...placeOf(0), startedNs: 1n }]]);
  viewer.take(places, {});
  await turns();
  poll(group, (sink) => sink.setNumber(0, BuiltInType.Double, 2));
  trends.follow();
  assert.deepEqual(viewer.take(places, {}), []);
});

test("a viewer that is gone is not followed any more", async (t) => {
  const { group, trends, placeOf } = journalled(t);
  const viewer = trends.viewer();
  const places = new Map([["opcua a", placeOf(0)]]);
  viewer.take(places, {});
  await turns();
  trends.follow();
  assert.equal(trends.hasJournal("opcua"), true);
  viewer.close();
  poll(group, (sink) => sink.setNumber(0, BuiltInType.Double, 1));
  trends.follow();
  assert.equal(trends.hasJournal("opcua"), false, "the journal is closed");
});
