// Recognises the raw values by which a device says that it has no value (`<noValue>`). It looks at the bits of the registers, in the word
// order of the point and before any scaling.

import type { ModbusPoint, NoValue } from "../configuration/modbus-server.ts";
import { readHalf, readRegister, type ByteOrder, type ReadNumber } from "./word-order.ts";

/** True when the registers at `offset` hold no value. */
export type HasNoValue = (bytes: DataView, offset: number) => boolean;

type Registers = Pick<ModbusPoint, "width" | "form">;

/** `width` is 1 to 4 registers; `readNumber` reads them as the number that they stand for. */
export function chooseNoValue(
  noValue: NoValue,
  { width, form }: Registers,
  order: ByteOrder,
  readNumber: ReadNumber,
): HasNoValue {
  const patterns = noValue.patterns.map(BigInt);
  const isByte = form === "lowByte" || form === "highByte";
  const hasPattern = isByte ? byteTest(patterns, readNumber) : patternTest(patterns, width, order);
  if (!noValue.notANumber) return hasPattern;
  return (bytes, offset) => Number.isNaN(readNumber(bytes, offset)) || hasPattern(bytes, offset);
}

function byteTest(patterns: readonly bigint[], readByte: ReadNumber): HasNoValue {
  const numbers = new Set(patterns.map(Number));
  return (bytes, offset) => numbers.has(readByte(bytes, offset) & 0xff);
}

function patternTest(patterns: readonly bigint[], width: number, order: ByteOrder): HasNoValue {
  if (width === 3) {
    const high = readHalf(0, 3, order);
    const low = readRegister(2, 3, order);
    const words = patterns.map((pattern) => ({ high: Number(pattern >> 16n), low: Number(pattern & 0xffffn) }));
    return (bytes, offset) => {
      const highBits = high(bytes, offset);
      const lowBits = low(bytes, offset);
      return words.some((word) => word.high === highBits && word.low === lowBits);
    };
  }
  if (width === 4) {
    const high = readHalf(0, 4, order);
    const low = readHalf(2, 4, order);
    const halves = patterns.map((pattern) => ({ high: Number(pattern >> 32n), low: Number(pattern & 0xffff_ffffn) }));
    return (bytes, offset) => {
      const highBits = high(bytes, offset);
      const lowBits = low(bytes, offset);
      return halves.some((half) => half.high === highBits && half.low === lowBits);
    };
  }
  const numbers = new Set(patterns.map(Number));
  const { littleEndian } = order;
  const read =
    width === 2 ? readHalf(0, 2, order) : (bytes: DataView, offset: number) => bytes.getUint16(offset, littleEndian);
  return (bytes, offset) => numbers.has(read(bytes, offset));
}
