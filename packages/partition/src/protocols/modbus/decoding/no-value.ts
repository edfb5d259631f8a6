// Recognises the raw values by which a device says that it has no value (`<noValue>`). It looks at the bits of the registers, in the word
// order of the point and before any scaling.

import type { NoValue } from "../../../configuration/configuration.ts";
import { readHalf, type ByteOrder, type ReadNumber } from "./word-order.ts";

/** True when the registers at `offset` hold no value. */
export type HasNoValue = (bytes: DataView, offset: number) => boolean;

/** `width` is 1, 2 or 4 registers; `readNumber` reads them as the number that they stand for. */
export function chooseNoValue(noValue: NoValue, width: number, order: ByteOrder, readNumber: ReadNumber): HasNoValue {
  const hasPattern = patternTest(noValue.patterns.map(BigInt), width, order);
  if (!noValue.notANumber) return hasPattern;
  return (bytes, offset) => Number.isNaN(readNumber(bytes, offset)) || hasPattern(bytes, offset);
}

function patternTest(patterns: readonly bigint[], width: number, order: ByteOrder): HasNoValue {
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
