import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type {
  ModbusPoint,
  WordOrder,
} from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { chooseDecoder } from "../../../../../packages/partition/src/protocols/modbus/decoding/register-decoding.ts";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { arrange, point, RecordingSink, type Seen } from "../../../../plant/modbus-points.ts";

const { SByte, Byte, UInt16, UInt32, UInt64, Int16, Float, Double } = BuiltInType;

/** Registers in order, arranged as the device sends them. */
function decode(changes: Partial<ModbusPoint>, hex: string): Seen | undefined {
  const sink = new RecordingSink();
  const bytes = arrange(Buffer.from(hex.replaceAll(" ", ""), "hex"), changes.wordOrder ?? "ABCD");
  chooseDecoder(point(0, changes))(new DataView(Uint8Array.from([0xee, ...bytes]).buffer), 1, 0, sink, 5);
  return sink.seen(5);
}

const orders: readonly WordOrder[] = ["ABCD", "CDAB", "BADC", "DCBA"];

test("either byte of a register is a signed or an unsigned number", () => {
  for (const wordOrder of orders) {
    const at = (wireType: BuiltInType, form: ModbusPoint["form"]): unknown =>
      decode({ wireType, form, wordOrder }, "80FE");
    assert.deepEqual(at(SByte, "highByte"), { type: SByte, value: -128 });
    assert.deepEqual(at(SByte, "lowByte"), { type: SByte, value: -2 });
    assert.deepEqual(at(Byte, "highByte"), { type: Byte, value: 128 });
    assert.deepEqual(at(Byte, "lowByte"), { type: Byte, value: 254 });
  }
});

test("a Float16 is the number of IEEE 754 and published as a Float", () => {
  for (const wordOrder of orders) {
    const float16 = { wireType: Float, form: "float16", width: 1, wordOrder } as const;
    assert.deepEqual(decode(float16, "3C00"), { type: Float, value: 1 });
    assert.deepEqual(decode(float16, "C0A0"), { type: Float, value: -2.3125 });
    assert.deepEqual(decode(float16, "0001"), { type: Float, value: 2 ** -24 });
    assert.deepEqual(decode(float16, "7BFF"), { type: Float, value: 65504 });
    assert.deepEqual(decode(float16, "7C00"), { type: Float, value: Infinity });
  }
});

test("every number of 4, 8, 12 and 16 digits comes back from its digits, in every word order", () => {
  const wireTypes: readonly BuiltInType[] = [UInt16, UInt32, UInt64, UInt64];
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.bigInt({ min: 0n, max: 10n ** 16n - 1n }),
      fc.constantFrom(...orders),
      (width, number, wordOrder) => {
        const digits = String(number % 10n ** BigInt(4 * width)).padStart(4 * width, "0");
        const wireType = wireTypes[width - 1] ?? assert.fail();
        const value = width > 2 ? BigInt(digits) : Number(digits);
        assert.deepEqual(decode({ wireType, form: "bcd", width, wordOrder }, digits), { type: wireType, value });
        // Scaled it is the Double nearest to the decimal.
        const scaled = decode({ wireType, form: "bcd", width, wordOrder, scale: "0.01" }, digits);
        assert.deepEqual(scaled, { type: Double, value: Number(`${digits}e-2`) });
      },
    ),
  );
});

test("a digit above 9 is no number, at every place", () => {
  for (let place = 0; place < 16; place++) {
    const digits = "1234567890123456";
    const spoilt = `${digits.slice(0, place)}A${digits.slice(place + 1)}`;
    const bcd = { wireType: UInt64, form: "bcd", width: 4 } as const;
    assert.deepEqual(decode(bcd, spoilt), { status: StatusCode.BadDecodingError });
    assert.deepEqual(decode({ ...bcd, scale: "0.1" }, spoilt), { status: StatusCode.BadDecodingError });
  }
});

function noValue(pattern: string): ModbusPoint["noValue"] {
  return { patterns: [pattern], notANumber: false };
}

test("raw values that mean no value are known in each form", () => {
  const bad = { status: StatusCode.BadNoData };
  for (const wordOrder of orders) {
    assert.deepEqual(decode({ wireType: SByte, form: "highByte", noValue: noValue("0x80"), wordOrder }, "8001"), bad);
    assert.deepEqual(decode({ wireType: SByte, form: "lowByte", noValue: noValue("0x80"), wordOrder }, "8001"), {
      type: SByte,
      value: 1,
    });
    assert.deepEqual(
      decode({ wireType: Float, form: "float16", width: 1, noValue: noValue("0x7e00"), wordOrder }, "7E00"),
      bad,
    );
    for (const width of [1, 2, 3, 4]) {
      const pattern = "F".repeat(4 * width);
      const bcd = { wireType: UInt64, form: "bcd", width, wordOrder } as const;
      assert.deepEqual(decode({ ...bcd, noValue: noValue(`0x${pattern}`) }, pattern), bad);
      const other = `${pattern.slice(1)}0`;
      assert.deepEqual(decode({ ...bcd, noValue: noValue(`0x${pattern}`) }, other), {
        status: StatusCode.BadDecodingError,
      });
    }
  }
});

test("a value is multiplied by ten to the exponent beside it, exactly", () => {
  const type = Double;
  for (const wordOrder of orders) {
    const scaled = (exponent: string, changes: Partial<ModbusPoint> = {}): unknown =>
      decodeFactor({ wireType: Int16, wordOrder, ...changes }, exponent);
    assert.deepEqual(scaled("FFFF"), { type, value: 47.9 });
    assert.deepEqual(scaled("FFF6"), { type, value: 4.79e-8 });
    assert.deepEqual(scaled("0000"), { type, value: 479 });
    assert.deepEqual(scaled("000A"), { type, value: 4_790_000_000_000 });
    assert.deepEqual(scaled("FFFE", { scale: "0.1", bias: "-0.179" }), { type, value: 0.3 });
    assert.deepEqual(scaled("8000"), { status: StatusCode.BadNoData });
    assert.deepEqual(scaled("FFF5"), { status: StatusCode.BadOutOfRange });
    assert.deepEqual(scaled("000B"), { status: StatusCode.BadOutOfRange });
  }
});

/** 479, a register that is nobody's business, and the exponent. */
function decodeFactor(changes: Partial<ModbusPoint>, exponent: string): Seen | undefined {
  const sink = new RecordingSink();
  const isTurned = changes.wordOrder === "BADC" || changes.wordOrder === "DCBA";
  const bytes = Buffer.from(`01DF5555${exponent}`, "hex");
  if (isTurned) bytes.swap16();
  const scaled = point(10, { type: Double, factorAddress: 12, ...changes });
  chooseDecoder(scaled)(new DataView(Uint8Array.from([0xee, ...bytes]).buffer), 1, 0, sink, 5);
  return sink.seen(5);
}
