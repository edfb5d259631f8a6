// raw × scale + bias as a person calculates it: the Double nearest to the exact decimal result. 479 × 0.1 is 47.9.
//
// Both decimals are written over one power of ten, in lowest terms: (raw × S + B) / D, all whole. While the numerator stays below 2^53,
// double arithmetic calculates it exactly, and where D is a Double, too, IEEE 754 (5.4.1) rounds the one division to the Double nearest to
// the exact quotient. So nothing is lost before that rounding, and the cycle pays a comparison and a division.
// A larger numerator (32 bits times more than six digits, 64 bits) is calculated in BigInts, and the quotient rounded by Number(text), which
// V8 does to the nearest Double for any number of digits: exact as well, but some fifty times as slow.

import { decimalToNumber, parseDecimal, type Decimal } from "../configuration/decimal.ts";

export interface DecimalScaling {
  /** For a whole number up to this size, (raw * numerator + addend) / denominator is exact: what a decoder calculates in place. */
  readonly largest: number;
  readonly numerator: number;
  readonly addend: number;
  readonly denominator: number;
  /**
   * Exact for a whole number up to 2^53 - 1. Another one (from a Float or Double) is calculated in double arithmetic, with up to three
   * roundings; NaN and infinities come out as such.
   */
  readonly ofNumber: (raw: number) => number;
  /** Exact for every whole number. */
  readonly ofWhole: (raw: bigint) => number;
}

const scalings = new Map<string, DecimalScaling>();

/**
 * Points with the same scale and bias share one: a plant has few pairs of them, and may have 100 000 points. The scale is multiplied by ten
 * to the `power`.
 */
export function scalingOf(scale: string, bias: string, power = 0): DecimalScaling {
  const written = `${scale} ${bias} ${power}`;
  const scaling = scalings.get(written) ?? chooseScaling(timesTenTo(parseDecimal(scale), power), parseDecimal(bias));
  scalings.set(written, scaling);
  return scaling;
}

function timesTenTo({ coefficient, exponent }: Decimal, power: number): Decimal {
  return { coefficient, exponent: exponent + power };
}

export function chooseScaling(scale: Decimal, bias: Decimal): DecimalScaling {
  const exponent = Math.min(scale.exponent, bias.exponent, 0);
  const factor = scale.coefficient * 10n ** BigInt(scale.exponent - exponent);
  const offset = bias.coefficient * 10n ** BigInt(bias.exponent - exponent);
  const divisor = 10n ** BigInt(-exponent);

  const common = greatestCommonDivisor(greatestCommonDivisor(factor, offset), divisor);
  const [S, B, D] = [factor / common, offset / common, divisor / common];
  const largest = largestExactRaw(S, B, D);
  const [numerator, addend, denominator] = [Number(S), Number(B), Number(D)];
  const [scaleNumber, biasNumber] = [decimalToNumber(scale), decimalToNumber(bias)];

  const ofWhole = (raw: bigint): number => Number(`${raw * factor + offset}e${exponent}`);
  const ofNumber = (raw: number): number => {
    if (Math.abs(raw) <= largest) return (raw * numerator + addend) / denominator;
    return Number.isSafeInteger(raw) ? ofWhole(BigInt(raw)) : raw * scaleNumber + biasNumber;
  };
  return { largest, numerator, addend, denominator, ofNumber, ofWhole };
}

/** Up to this |raw| the numerator is below 2^53; -1 when there is no such raw value, or D is not a Double. */
function largestExactRaw(S: bigint, B: bigint, D: bigint): number {
  const room = BigInt(Number.MAX_SAFE_INTEGER) - magnitude(B);
  const isDouble = Number.isFinite(Number(D)) && BigInt(Number(D)) === D;
  return room >= 0n && isDouble ? Number(room / magnitude(S)) : -1;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [larger, smaller] = [magnitude(a), magnitude(b)];
  while (smaller > 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
