import assert from "node:assert/strict";
import { test } from "node:test";

import type {
  ModbusPoint,
  NoValue,
  WordOrder,
} from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { chooseDecoder } from "../../../../../packages/partition/src/protocols/modbus/decoding/register-decoding.ts";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { arrange, point, RecordingSink } from "../../../../plant/modbus-points.ts";

const noData = { status: StatusCode.BadNoData };

function decode(changes: Partial<ModbusPoint>, hex: string): unknown {
  const bytes = Buffer.from(hex, "hex");
  const sink = new RecordingSink();
  const data = Uint8Array.from([0, 0, 0, ...arrange(bytes, changes.wordOrder ?? "ABCD")]);
  chooseDecoder(point(0, changes))(new DataView(data.buffer), 1, 1, sink, 0);
  return sink.seen(0);
}

function patterns(...of: readonly bigint[]): NoValue {
  return { patterns: of.map((pattern) => `0x${pattern.toString(16)}`), notANumber: false };
}

const orders: readonly WordOrder[] = ["ABCD", "CDAB", "BADC", "DCBA"];

test("the bits of a noValue are no data in every type and order, and those beside them are a value", () => {
  const cases: readonly (readonly [BuiltInType, number, string, string, unknown])[] = [
    [BuiltInType.UInt16, 16, "8000", "8001", 0x8001],
    [BuiltInType.Int16, 16, "8000", "8001", -32_767],
    [BuiltInType.UInt32, 32, "80000000", "00008000", 0x8000],
    [BuiltInType.Int32, 32, "80000000", "80000001", -0x7fffffff],
    [BuiltInType.UInt64, 64, "8000000000000000", "8000000000000001", 0x8000000000000001n],
    [BuiltInType.Int64, 64, "8000000000000000", "0000000080000000", 0x80000000n],
    [BuiltInType.Float, 32, "7fc00000", "7fc00001", NaN],
    [BuiltInType.Double, 64, "7ff8000000000000", "3ff8000000000000", 1.5],
  ];
  for (const [wireType, , none, some, value] of cases) {
    for (const wordOrder of orders) {
      const changes = { wireType, wordOrder, noValue: patterns(1n, BigInt(`0x${none}`)) };
      assert.deepEqual(decode(changes, none), noData, `${wireType} ${wordOrder}`);
      assert.deepEqual(decode(changes, some), { type: wireType, value }, `${wireType} ${wordOrder}`);
    }
  }
});

test("a noValue is looked for before scaling", () => {
  const scaled = { scale: "0.01", bias: "-10" };
  const missing = { ...scaled, noValue: patterns(0x8000n, 0xffffn) };
  assert.deepEqual(decode(missing, "ffff"), noData);
  assert.deepEqual(decode(missing, "8000"), noData);
  assert.deepEqual(decode(missing, "fffe"), { type: BuiltInType.Double, value: 645.34 });
  const wide = { ...scaled, wireType: BuiltInType.UInt64, noValue: patterns(2n ** 64n - 1n) };
  assert.deepEqual(decode(wide, "ffffffffffffffff"), noData);
  // The nearest Double is the same one.
  assert.deepEqual(decode(wide, "fffffffffffffffe"), {
    type: BuiltInType.Double,
    value: Number("184467440737095506.14"),
  });
});

test("the bit of a register has no value when the register has none", () => {
  const bit = { wireType: BuiltInType.Boolean, bit: 3, noValue: patterns(0xffffn) };
  assert.deepEqual(decode(bit, "ffff"), noData);
  assert.deepEqual(decode(bit, "000f"), { type: BuiltInType.Boolean, value: 1 });
});

test("NaN means every NaN of a Float or Double", () => {
  const notANumber: NoValue = { patterns: ["0x0"], notANumber: true };
  for (const none of ["7fc00000", "ffc00000", "7f800001", "00000000"]) {
    assert.deepEqual(decode({ wireType: BuiltInType.Float, noValue: notANumber }, none), noData, none);
  }
  assert.deepEqual(decode({ wireType: BuiltInType.Float, noValue: notANumber }, "7f800000"), {
    type: BuiltInType.Float,
    value: Infinity,
  });
  assert.deepEqual(decode({ wireType: BuiltInType.Double, noValue: notANumber }, "7ff0000000000001"), noData);
});
