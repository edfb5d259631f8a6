import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { planDirectory } from "../../../packages/image/src/directory.ts";
import { privateMemory } from "../../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../../packages/image/src/image-reader.ts";
import { ImageWriter } from "../../../packages/image/src/image-writer.ts";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import type { PointSink } from "../../../packages/image/src/point-sink.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { PollRecorder, replay } from "../../../packages/partition/src/worker-thread/recorded-poll.ts";

const count = 600;

function image(points = count, capacityBytes = 32): ImageWriter {
  const described = Array.from({ length: points }, (_, index) => ({
    key: `p${index}`,
    description: "",
    unit: "",
    source: "",
    type: BuiltInType.Double,
    capacityBytes,
  }));
  const connection = { key: "c", description: "" };
  const directory = planDirectory([
    { alias: "a", connection, groups: [{ name: "", intervalMs: 100, points: described }] },
  ]);
  return new ImageWriter({ service: "modbus", intervalMs: 100 }, directory, privateMemory(directory.imageBytes));
}

/** Something of everything that a sink takes. */
function fill(sink: PointSink): void {
  sink.responseCame();
  for (let index = 0; index < count - 6; index++)
    sink.setNumber(
      index,
      index % 3 === 0 ? BuiltInType.Int32 : BuiltInType.Float,
      index % 3 === 0 ? -index : index / 3,
    );
  sink.responseCame();
  sink.setValue(count - 6, { type: BuiltInType.Int64, value: -5n }, StatusCode.Good);
  sink.setValue(count - 5, { type: BuiltInType.String, value: "Grüße" }, StatusCode.Good, { unixMs: 5, subMsNs: 7 });
  sink.setValue(count - 4, { type: BuiltInType.Double, value: [1, 2, 3, 4], dimensions: [2, 2] }, 0x40000000);
  sink.setStatus(count - 3, StatusCode.BadOutOfRange);
  sink.unchanged(count - 2);
  sink.setTimedNumber(count - 1, BuiltInType.Int32, -7, 0x40000000, 1_700_000_000_000, 123);
}

function shown(writer: ImageWriter, points = count) {
  const snapshot = new ImageReader(writer.memory.buffer).snapshot(0)!;
  const readings = Array.from({ length: points }, (_, index) => {
    const { value, type, status, dimensions, sourceNs } = snapshot.reading(index);
    return { value, type, status, dimensions, sourceNs };
  });
  return { readings, cycle: snapshot.state.cycle };
}

test("a poll that passed through a message shows what it would have shown at once", () => {
  const [direct, remote] = [image(), image()];
  const recorder = new PollRecorder();
  for (let poll = 0; poll < 2; poll++) {
    const block = direct.blocks[0]!.groups[0]!;
    block.begin();
    fill(block);
    block.publish(ConnectionState.connected, 1);
    recorder.begin();
    fill(recorder);
    const other = remote.blocks[0]!.groups[0]!;
    replay(structuredClone(recorder.take()), other);
    other.publish(ConnectionState.connected, 1);
    assert.deepEqual(shown(remote), shown(direct));
  }
});

test("values have the times of the thread that read them", () => {
  const recorder = new PollRecorder();
  const beforeMs = Date.now();
  recorder.begin();
  recorder.setNumber(0, BuiltInType.Double, 1);
  recorder.responseCame();
  recorder.setNumber(1, BuiltInType.Double, 2);
  const poll = recorder.take();
  const [low = 0, high = 0] = poll.requested;
  const requestedMs = (high * 2 ** 32 + low) / 1e6;
  assert.ok(beforeMs <= requestedMs + 1 && requestedMs <= Date.now() + 1, `${requestedMs} of ${beforeMs}`);
  const writer = image();
  const block = writer.blocks[0]!.groups[0]!;
  replay({ ...poll, requested: [7, 0], numbers: Float64Array.of(1, 9, 0, 2) }, block);
  block.publish(ConnectionState.connected, 1);
  const snapshot = new ImageReader(writer.memory.buffer).snapshot(0)!;
  assert.deepEqual([snapshot.reading(0).receivedNs, snapshot.reading(1).receivedNs], [7n, 9n]);
});

test("a poll that was given up leaves nothing in the next one", () => {
  const recorder = new PollRecorder();
  recorder.begin();
  fill(recorder);
  recorder.begin();
  recorder.setNumber(3, BuiltInType.Double, 1);
  const { steps, numbers, values } = recorder.take();
  assert.deepEqual([steps.length, numbers.length, values.length], [2, 1, 0]);
});

const few = 4;
const type = (...types: readonly BuiltInType[]) => fc.constantFrom(...types);
const anyStatus = fc.constantFrom(0, 0x40000000, 0x40920000, StatusCode.BadOutOfRange, 0xffffffff);
const time = fc.option(fc.record({ unixMs: fc.integer({ min: -1e13, max: 1e13 }), subMsNs: fc.nat(999_999) }), {
  nil: undefined,
});
const { Boolean: bool, SByte, Byte, Int16, UInt16, Int32, UInt32, Float, Double, Int64, UInt64 } = BuiltInType;

/** A value as its kind has it, with its type; arrays and matrices are made of these. */
const scalar = fc.oneof(
  fc.record({ type: type(bool), value: fc.boolean() }),
  fc.record({ type: type(SByte, Int16, Int32), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ type: type(Int32), value: fc.integer() }),
  fc.record({ type: type(Byte, UInt16, UInt32), value: fc.nat(255) }),
  fc.record({ type: type(UInt32, BuiltInType.StatusCode), value: fc.nat(0xffffffff) }),
  fc.record({ type: type(Float), value: fc.float() }),
  fc.record({ type: type(Double), value: fc.double() }),
  fc.record({ type: type(Int64, BuiltInType.DateTime), value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.record({ type: type(UInt64), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
  fc.record({
    type: type(BuiltInType.String, BuiltInType.XmlElement, BuiltInType.Guid),
    value: fc.option(fc.string({ unit: "binary", maxLength: 300 })),
  }),
  fc.record({ type: type(BuiltInType.ByteString), value: fc.option(fc.uint8Array({ maxLength: 300 })) }),
  // All others are the text of their JSON.
  fc.record({
    type: fc
      .integer({ min: BuiltInType.NodeId, max: BuiltInType.DiagnosticInfo })
      .filter((code) => code !== BuiltInType.StatusCode)
      .map((code) => code as BuiltInType),
    value: fc.json(),
  }),
);
const value = fc.oneof(
  scalar,
  fc
    .tuple(scalar, fc.nat(20))
    .map(([{ type: of, value: one }, length]) => ({ type: of, value: Array.from({ length }, () => one) })),
  scalar.map(({ type: of, value: one }) => ({
    type: of,
    value: Array.from({ length: 6 }, () => one),
    dimensions: [2, 3],
  })),
  fc.record({ type: type(Int32, Double, BuiltInType.String), value: fc.constant(null) }),
);

type Step = (sink: PointSink) => void;
const index = fc.nat(few - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(index, value, anyStatus, time).map(
    ([at, one, status, sourceTime]): Step =>
      (sink) =>
        sink.setValue(at, one, status, sourceTime),
  ),
  fc.tuple(index, type(SByte, Int32, Float, Double), fc.integer({ min: -100, max: 100 })).map(
    ([at, of, number]): Step =>
      (sink) =>
        sink.setNumber(at, of, number),
  ),
  fc
    .tuple(index, type(Int32, Double), fc.integer(), fc.constantFrom(0, 0x40000000), fc.nat(2 ** 41), fc.nat(999_999))
    .map(
      (of): Step =>
        (sink) =>
          sink.setTimedNumber(...of),
    ),
  fc.tuple(index, anyStatus).map(
    ([at, status]): Step =>
      (sink) =>
        sink.setStatus(at, status),
  ),
  index.map(
    (at): Step =>
      (sink) =>
        sink.unchanged(at),
  ),
);

test("whatever a server sends, a poll that passed through a message shows what it would have shown at once", () => {
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 12 }), { maxLength: 4 }), (polls) => {
      const [direct, remote] = [image(few, 1024), image(few, 1024)];
      const recorder = new PollRecorder();
      for (const steps of polls) {
        const block = direct.blocks[0]!.groups[0]!;
        block.begin();
        for (const one of steps) one(block);
        block.publish(ConnectionState.connected, null);
        recorder.begin();
        for (const one of steps) one(recorder);
        const other = remote.blocks[0]!.groups[0]!;
        replay(structuredClone(recorder.take()), other);
        other.publish(ConnectionState.connected, null);
        assert.deepEqual(shown(remote, few), shown(direct, few));
        assert.deepEqual([...other.truncatedPoints], [...block.truncatedPoints]);
      }
    }),
  );
});
