import assert from "node:assert/strict";
import { test } from "node:test";
import { DataType } from "../../../../packages/bridge/src/outputs/sparkplug/payload.ts";
import {
  datatypeOf,
  metricValue,
  qualityProperties,
} from "../../../../packages/bridge/src/outputs/sparkplug/point-metric.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import type { Value } from "../../../../packages/image/src/values/value.ts";
import { changeOf } from "../opened-output.ts";

function metricOf(value: Value, status = 0) {
  const change = changeOf("Kessel", "Kessel: x", 0, { ...value, status });
  const datatype = datatypeOf(change);
  assert.ok(datatype);
  const shown = metricValue(change, datatype);
  return [datatype, shown instanceof Uint8Array ? [...shown] : shown];
}

test("types that decoders disagree about travel in the next larger signed one", () => {
  assert.deepEqual(metricOf({ type: BuiltInType.SByte, value: -1 }), [DataType.Int32, -1]);
  assert.deepEqual(metricOf({ type: BuiltInType.Int16, value: -2 }), [DataType.Int32, -2]);
  assert.deepEqual(metricOf({ type: BuiltInType.UInt32, value: 2 ** 32 - 1 }), [DataType.Int64, 2n ** 32n - 1n]);
  assert.deepEqual(metricOf({ type: BuiltInType.UInt16, value: 65_535 }), [DataType.UInt16, 65_535]);
  assert.deepEqual(metricOf({ type: BuiltInType.UInt64, value: 2n ** 64n - 1n }), [DataType.UInt64, 2n ** 64n - 1n]);
});

test("times are milliseconds since 1970, and what has no type of its own is JSON", () => {
  const ticks = 116_444_736_000_000_000n;
  assert.deepEqual(metricOf({ type: BuiltInType.DateTime, value: ticks + 15_000n }), [DataType.DateTime, 1n]);
  assert.deepEqual(metricOf({ type: BuiltInType.DateTime, value: 0n }), [DataType.DateTime, 0n]);
  assert.deepEqual(metricOf({ type: BuiltInType.LocalizedText, value: '{"Text":"Öl"}' }), [
    DataType.Text,
    '{"Text":"Öl"}',
  ]);
  assert.deepEqual(metricOf({ type: BuiltInType.String, value: ["a", "b"] }), [DataType.Text, '["a","b"]']);
});

test("arrays are packed little-endian, flags as bits behind their count", () => {
  assert.deepEqual(metricOf({ type: BuiltInType.Int16, value: [-2, 1] }), [DataType.Int16Array, [254, 255, 1, 0]]);
  assert.deepEqual(metricOf({ type: BuiltInType.Float, value: [1.5] }), [DataType.FloatArray, [0, 0, 192, 63]]);
  assert.deepEqual(metricOf({ type: BuiltInType.Int64, value: [-1n] }), [DataType.Int64Array, Array(8).fill(255)]);
  const flags = [true, false, true, true, false, false, false, false, true];
  assert.deepEqual(metricOf({ type: BuiltInType.Boolean, value: flags }), [
    DataType.BooleanArray,
    [9, 0, 0, 0, 0xb0, 0x80],
  ]);
});

test("a bad value is null, and qualities are the three that Sparkplug knows", () => {
  assert.deepEqual(metricOf({ type: BuiltInType.Double, value: 3 }, StatusCode.BadTimeout), [DataType.Double, null]);
  assert.deepEqual(qualityProperties(0), []);
  assert.deepEqual(qualityProperties(StatusCode.BadTimeout)[0], ["Quality", 0]);
  assert.deepEqual(qualityProperties(0x40000000)[0], ["Quality", 500]);
});

test("a type that nobody knows yet is none", () => {
  const change = changeOf("Kessel", "Kessel: x", 0, { type: BuiltInType.Null, value: null });
  assert.equal(datatypeOf(change), DataType.Double, "as the directory says");
  const point = { ...change.point, type: BuiltInType.Null };
  assert.equal(datatypeOf({ ...change, point }), undefined);
});
