import assert from "node:assert/strict";
import { test } from "node:test";
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

function image(): ImageWriter {
  const points = Array.from({ length: count }, (_, index) => ({
    key: `p${index}`,
    description: "",
    unit: "",
    source: "",
    type: BuiltInType.Double,
    capacityBytes: 32,
  }));
  const connection = { key: "c", description: "" };
  const directory = planDirectory([{ alias: "a", connection, groups: [{ name: "", intervalMs: 100, points }] }]);
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

function shown(writer: ImageWriter) {
  const snapshot = new ImageReader(writer.memory.buffer).snapshot(0)!;
  const readings = Array.from({ length: count }, (_, index) => {
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
  recorder.begin();
  recorder.setNumber(0, BuiltInType.Double, 1);
  recorder.responseCame();
  recorder.setNumber(1, BuiltInType.Double, 2);
  const poll = recorder.take();
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
