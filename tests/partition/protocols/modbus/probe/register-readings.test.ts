import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, constantFrom, integer, nat, property } from "fast-check";
import {
  isPlausible,
  textReadings,
  wideReading,
  wideTypes,
  wordOrders,
  type WideType,
} from "../../../../../packages/partition/src/protocols/modbus/probe/register-readings.ts";

const [float, int32, double, int64] = wideTypes;

/** Big-endian bytes, spread over registers as the order says. */
function registersOf(bytes: Buffer, order: (typeof wordOrders)[number]): number[] {
  const registers = Array.from({ length: bytes.length / 2 }, (_, at) => bytes.readUInt16BE(at * 2));
  const ordered = order === "CDAB" || order === "DCBA" ? registers.toReversed() : registers;
  const isSwapped = order === "BADC" || order === "DCBA";
  return ordered.map((register) => (isSwapped ? ((register & 0xff) << 8) | (register >> 8) : register));
}

function bytesOf(type: WideType, value: number): Buffer {
  const bytes = Buffer.alloc(type.registers * 2);
  if (type === float) bytes.writeFloatBE(value);
  else if (type === int32) bytes.writeInt32BE(value);
  else if (type === double) bytes.writeDoubleBE(value);
  else bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}

test("registers are read as every type in every order, wherever they stand", () => {
  check(
    property(
      constantFrom(...wideTypes),
      constantFrom(...wordOrders),
      integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      nat(3),
      (type, order, number, before) => {
        const written = type === float ? Math.fround(number) : number;
        const registers = [...Array<number>(before).fill(7), ...registersOf(bytesOf(type, written), order)];
        const expected = type === int64 ? BigInt(written) : written;
        assert.equal(wideReading(registers, before, type, order), expected);
        assert.equal(wideReading(registers, before + 1, type, order), undefined, "too few registers are left");
      },
    ),
  );
});

test("a wrong word order shows by numbers that no process value is", () => {
  const registers = registersOf(bytesOf(float, 20.6), "CDAB");
  const plausible = wordOrders.filter((order) => {
    const value = wideReading(registers, 0, float, order);
    return value !== undefined && isPlausible(float, value);
  });
  assert.deepEqual(plausible, ["CDAB"]);
  assert.equal(isPlausible(float, Number.NaN), false);
  assert.equal(isPlausible(double, 0), true);
  assert.equal(isPlausible(int64, 10n ** 15n), false);
});

test("texts are found in both orders of bytes, and only texts", () => {
  const text = Buffer.from("\0\0Pump 7\0");
  const registers = Array.from({ length: 4 }, (_, at) => text.readUInt16BE(at * 2));
  const [plain, swapped] = textReadings(100, registers);
  assert.deepEqual(plain, { address: 101, registers: 3, text: "Pump 7", isSwapped: false });
  assert.deepEqual(swapped, { address: 101, registers: 3, text: "uPpm7 ", isSwapped: true });
  assert.deepEqual(textReadings(0, [0x3132, 0x3334]), [], "digits alone are numbers as likely as text");
  assert.deepEqual(textReadings(0, [0x0041]), []);
});
