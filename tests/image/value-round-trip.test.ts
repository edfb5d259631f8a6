import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { BuiltInType, type BuiltInTypeName } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Scalar, Value } from "../../packages/image/src/values/value.ts";
import { imageOf, poll, seen, serverOf } from "./sample-image.ts";

const roomBytes = 4096;

/** Extremes of every built-in type but Null, which has no value. */
const extremes: Record<Exclude<BuiltInTypeName, "Null">, readonly Scalar[]> = {
  Boolean: [true, false],
  SByte: [-128, 0, 127],
  Byte: [0, 255],
  Int16: [-32_768, 32_767],
  UInt16: [0, 65_535],
  Int32: [-2_147_483_648, -1, 2_147_483_647],
  UInt32: [0, 2_147_483_648, 4_294_967_295],
  Int64: [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n],
  UInt64: [0n, 2n ** 53n + 1n, 2n ** 64n - 1n],
  Float: [0, -0, 1.5, Math.fround(0.1), 1.401298464324817e-45, 3.4028234663852886e38, NaN, Infinity, -Infinity],
  Double: [0, -0, 0.1, Number.MIN_VALUE, Number.MAX_VALUE, NaN, Infinity, -Infinity],
  String: ["", " ", 'Grüße\u0000\n"\\', "\u{1f600}\u{1f468}\u200d\u{1f469}", "x".repeat(roomBytes), null],
  DateTime: [0n, 1n, 2n ** 63n - 1n, 133_444_736_000_000_000n],
  Guid: ["72962B91-FA75-4AE6-8D28-B404DC7DAF63", null],
  ByteString: [new Uint8Array(), Uint8Array.of(0, 255, 0x80), new Uint8Array(roomBytes).fill(7), null],
  XmlElement: ["<a>ü</a>", "", null],
  NodeId: ['{"Id":5}', "null"],
  ExpandedNodeId: ['{"Id":5,"ServerUri":2}'],
  StatusCode: [0, 0x80000000, 0xffffffff],
  QualifiedName: ['{"Name":"ö","Uri":2}'],
  LocalizedText: ['{"Locale":"de","Text":"Öl"}'],
  ExtensionObject: ['{"TypeId":{"Id":5},"Body":[1,{"a":null}]}'],
  DataValue: ['{"Value":{"Type":1,"Body":true}}'],
  Variant: ['{"Type":1,"Body":true}'],
  DiagnosticInfo: ['{"SymbolicId":1}'],
};
const typed = Object.entries(extremes).map(
  ([name, values]) => [name as BuiltInTypeName, BuiltInType[name as BuiltInTypeName], values] as const,
);

function roundTrip(value: Value, capacityBytes = roomBytes) {
  const { reader, blocks } = imageOf(serverOf("A", capacityBytes));
  poll(blocks[0]!, (sink) => sink.setValue(0, value, StatusCode.Good));
  return { ...seen(reader).value(0), status: seen(reader).status(0), needed: blocks[0]!.truncatedPoints.get(0) };
}

for (const [name, type, values] of typed) {
  test(`${name}: scalars, extremes among them, come back as they were`, () => {
    for (const value of values) {
      const { status, needed, ...back } = roundTrip({ type, value });
      assert.deepEqual(back, { type, value });
      assert.deepEqual([status, needed], [StatusCode.Good, undefined]);
    }
  });

  test(`${name}: arrays and matrices come back as they were, empty and null ones too`, () => {
    const elements = values.filter(
      (value) => (value instanceof Uint8Array ? value.length : String(value).length) < 100,
    );
    const six = Array.from({ length: 6 }, (_, index) => elements[index % elements.length]!);
    const all: readonly Value[] = [
      { type, value: elements },
      { type, value: [] },
      { type, value: null },
      { type, value: six, dimensions: [2, 3] },
      { type, value: six, dimensions: [1, 3, 2] },
      { type, value: [], dimensions: [0, 5] },
    ];
    for (const value of all) {
      const { status: _, needed, ...back } = roundTrip(value);
      assert.deepEqual(back, value);
      assert.equal(needed, undefined);
    }
  });
}

test("plain numbers set the fast way come back like all others", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0));
  for (const [, type, values] of typed) {
    const isPlain = type !== BuiltInType.Boolean && values.every((value) => typeof value === "number");
    for (const value of isPlain ? values : []) {
      poll(blocks[0]!, (sink) => sink.setNumber(0, type, value));
      assert.deepEqual(seen(reader).value(0), { type, value });
    }
  }
  for (const value of [true, false]) {
    poll(blocks[0]!, (sink) => sink.setNumber(0, BuiltInType.Boolean, value ? 1 : 0));
    assert.deepEqual(seen(reader).value(0), { type: BuiltInType.Boolean, value });
  }
});

test("a number with a source time comes back like a value with one", () => {
  const { reader, blocks } = imageOf(serverOf("A", 0));
  const unixMs = fc.integer({ min: -9_223_372_036_853, max: 9_223_372_036_853 });
  const status = fc.constantFrom(0, 0x4090_0000, 0x400);
  fc.assert(
    fc.property(unixMs, fc.nat({ max: 999_999 }), status, fc.double(), (ms, subMsNs, code, value) => {
      poll(blocks[0]!, (sink) => sink.setTimedNumber(0, BuiltInType.Double, value, code, ms, subMsNs));
      const fast = seen(reader).reading(0);
      assert.equal(fast.sourceNs, BigInt(ms) * 1_000_000n + BigInt(subMsNs) || undefined);
      poll(blocks[0]!, (sink) => sink.setValue(0, { type: BuiltInType.Double, value }, code, { unixMs: ms, subMsNs }));
      const { receivedNs, ...slow } = seen(reader).reading(0);
      assert.deepEqual({ ...fast, receivedNs }, { ...slow, receivedNs });
    }),
  );
});

test("whatever the room, a value comes back whole and Good, or as a flagged beginning that says what it needs", () => {
  const values: fc.Arbitrary<Value> = fc.oneof(
    fc.string({ unit: "grapheme" }).map((value): Value => ({ type: BuiltInType.String, value })),
    fc.uint8Array({ maxLength: 40 }).map((value): Value => ({ type: BuiltInType.ByteString, value })),
    fc.array(fc.double()).map((value): Value => ({ type: BuiltInType.Double, value })),
    fc
      .array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
      .map((value): Value => ({ type: BuiltInType.Int64, value })),
    fc.array(fc.integer({ min: -32_768, max: 32_767 })).map((value): Value => ({ type: BuiltInType.Int16, value })),
    fc.array(fc.option(fc.string({ unit: "grapheme" }))).map((value): Value => ({ type: BuiltInType.String, value })),
    fc
      .tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 }), fc.string({ unit: "grapheme" }))
      .map(([rows, columns, text]): Value => {
        const value = Array.from({ length: rows * columns }, (_, index) => text.slice(0, index));
        return {
          type: BuiltInType.String,
          value: value.map((item) => item.toWellFormed()),
          dimensions: [rows, columns],
        };
      }),
  );
  fc.assert(
    fc.property(values, fc.nat({ max: 80 }), (value, capacityBytes) => {
      const { status, needed, ...back } = roundTrip(value, capacityBytes);
      if (status === StatusCode.Good) {
        assert.deepEqual(back, value);
        assert.equal(needed, undefined);
        return;
      }
      assert.equal(status, StatusCode.BadEncodingLimitsExceeded);
      assert.ok(needed! > capacityBytes);
      const whole = roundTrip(value, needed);
      assert.equal(whole.status, StatusCode.Good, "the room asked for is enough");
      const less = roundTrip(value, needed! - 1);
      assert.equal(less.status, StatusCode.BadEncodingLimitsExceeded, "and no byte too much");
      const part = back.value as string | Uint8Array | readonly Scalar[];
      assert.deepEqual(part, (value.value as typeof part).slice(0, part.length), "a beginning");
    }),
    { numRuns: 500 },
  );
});
