import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { DataType, DataValue, Variant, VariantArrayType } from "node-opcua-client";
import type { OpcUaItem } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { ReportedValues } from "../../../../../packages/partition/src/protocols/opcua/subscription/reported-values.ts";
import { dataValuesOf } from "../../../../plant/decoded-in-place.ts";

const int64 = (value: number): Variant =>
  new Variant({ dataType: DataType.Int64, arrayType: VariantArrayType.Scalar, value: [0, value] });
const uint64 = (high: number, low: number): Variant =>
  new Variant({ dataType: DataType.UInt64, arrayType: VariantArrayType.Scalar, value: [high, low] });
const dateTime = (value: Date): Variant => new Variant({ dataType: DataType.DateTime, value });
const double = (value: number): Variant => new Variant({ dataType: DataType.Double, value });
const boolean = (value: boolean): Variant => new Variant({ dataType: DataType.Boolean, value });
const byte = (value: number): Variant => new Variant({ dataType: DataType.Byte, value });
const bytes = (length: number): Buffer => Buffer.alloc(length, 7);
const array = (...value: number[]): Variant =>
  new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value });

function agrees(before: Variant, after: Variant, deadband: OpcUaItem["deadband"]): boolean {
  const reported = new ReportedValues(1);
  reported.set(0, dataValuesOf(new DataValue({ value: before })), 0);
  return reported.agrees(0, new DataValue({ value: after }), { deadband, trigger: "StatusValue" } as OpcUaItem);
}

test("a server that filters 64-bit integers and arrays by a deadband is not suspected", () => {
  const five = { kind: "Absolute", value: 5 } as const;
  const none = { kind: "Absolute", value: 0 } as const;
  assert.equal(agrees(int64(100), int64(104), five), true);
  assert.equal(agrees(int64(100), int64(106), five), false);
  assert.equal(agrees(int64(100), int64(104), none), false);
  assert.equal(agrees(array(1, 2), array(1, 6), five), true);
  assert.equal(agrees(array(1, 2), array(1, 8), five), false);
  assert.equal(agrees(array(1, 2), array(1, 2, 3), five), false);
  assert.equal(
    agrees(array(1, 2), array(1, 900), { kind: "Percent", value: 1 }),
    true,
    "only the server knows the range",
  );
});

test("numbers are held against each other to their last bit, and -0 is 0", () => {
  const none = { kind: "Absolute", value: 0 } as const;
  const [noon, later] = [new Date("2026-01-01T12:00:00.000Z"), new Date("2026-01-01T12:00:00.001Z")];
  for (const [before, after, expected] of [
    [uint64(0xffff_ffff, 0xffff_fffe), uint64(0xffff_ffff, 0xffff_fffe), true],
    [uint64(0xffff_ffff, 0xffff_fffe), uint64(0xffff_ffff, 0xffff_ffff), false],
    [dateTime(noon), dateTime(noon), true],
    [dateTime(noon), dateTime(later), false],
    [double(0), double(-0), true],
    [double(Number.NaN), double(Number.NaN), true],
    [double(5), int64(5), false],
  ] as const)
    assert.equal(agrees(before, after, none), expected, `${String(before)}, then ${String(after)}`);
});

test("a Boolean is held against a Boolean, and no value against none", () => {
  const none = { kind: "Absolute", value: 0 } as const;
  const wide = { kind: "Absolute", value: 5 } as const;
  const nothing = new Variant({ dataType: DataType.Null });
  for (const [before, after, deadband, expected] of [
    [boolean(true), boolean(true), none, true],
    [boolean(true), boolean(false), wide, false],
    [boolean(true), byte(1), wide, false],
    [byte(1), boolean(true), wide, false],
    [nothing, nothing, none, true],
    [nothing, byte(0), wide, false],
    [byte(0), nothing, wide, false],
    [boolean(false), nothing, none, false],
    [array(1), byte(1), none, false],
    [byte(1), array(1), none, false],
  ] as const)
    assert.equal(agrees(before, after, deadband), expected, `${String(before)}, then ${String(after)}`);
  assert.equal(
    new ReportedValues(1).agrees(0, new DataValue({ value: array(1) }), {
      deadband: none,
      trigger: "StatusValue",
    } as OpcUaItem),
    false,
    "nothing was reported",
  );
});

test("what was reported does not keep its message in memory", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const variants = [
    new Variant({ dataType: DataType.Byte, arrayType: VariantArrayType.Array, value: new Uint8Array(bytes(10)) }),
    new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value: new Float64Array([1, 2]) }),
    new Variant({ dataType: DataType.ByteString, value: bytes(10) }),
    new Variant({
      dataType: DataType.ByteString,
      arrayType: VariantArrayType.Array,
      value: [bytes(3), null, bytes(4)],
    }),
  ];
  const reported = new ReportedValues(variants.length);
  const report = (): WeakRef<ArrayBufferLike> => {
    const large = new Variant({ dataType: DataType.ByteString, value: bytes(100_000) });
    const values = dataValuesOf(...[...variants, large].map((value) => new DataValue({ value })));
    for (const index of variants.keys()) reported.set(index, values, index);
    return new WeakRef((values.at(variants.length).value.value as Buffer).buffer);
  };
  const message = report();
  await nextTurn();
  collect();
  assert.equal(message.deref(), undefined);
  const how = { deadband: { kind: "Absolute", value: 0 }, trigger: "StatusValue" } as OpcUaItem;
  for (const [index, value] of variants.entries())
    assert.equal(reported.agrees(index, new DataValue({ value }), how), true, String(value));
});
