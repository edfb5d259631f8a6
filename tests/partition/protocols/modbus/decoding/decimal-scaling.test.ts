import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import {
  decimalToNumber,
  parseDecimal,
  type Decimal,
} from "../../../../../packages/partition/src/protocols/modbus/configuration/decimal.ts";
import {
  chooseScaling,
  scalingOf,
} from "../../../../../packages/partition/src/protocols/modbus/decoding/decimal-scaling.ts";

/** A fraction of whole numbers. */
interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

function ratioOf({ coefficient, exponent }: Decimal): Ratio {
  const power = 10n ** BigInt(Math.abs(exponent));
  return exponent < 0
    ? { numerator: coefficient, denominator: power }
    : { numerator: coefficient * power, denominator: 1n };
}

/** A Double is its significand times a power of two. */
function ratioOfDouble(value: number): Ratio {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const biased = (bits >> 52n) & 0x7ffn;
  const significand = (bits & (2n ** 52n - 1n)) | (biased === 0n ? 0n : 2n ** 52n);
  const power = (biased === 0n ? 1n : biased) - 1075n;
  const signed = bits >> 63n === 1n ? -significand : significand;
  return power < 0n
    ? { numerator: signed, denominator: 2n ** -power }
    : { numerator: signed * 2n ** power, denominator: 1n };
}

function neighbour(value: number, direction: 1n | -1n): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? Number.MIN_VALUE * Number(direction) : value);
  if (value !== 0) view.setBigInt64(0, view.getBigInt64(0) + (value > 0 ? direction : -direction));
  return view.getFloat64(0);
}

function isEven(value: number): boolean {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  return (view.getBigUint64(0) & 1n) === 0n;
}

/** Is `value` the Double nearest to raw × scale + bias, of two equally near ones the even one (IEEE 754, 4.3.1)? Whole numbers only. */
function assertNearest(value: number, raw: bigint, scale: Decimal, bias: Decimal): void {
  const s = ratioOf(scale);
  const b = ratioOf(bias);
  const exact: Ratio = {
    numerator: raw * s.numerator * b.denominator + b.numerator * s.denominator,
    denominator: s.denominator * b.denominator,
  };
  // Twice the exact value, and the midpoints on both sides twice, over a common denominator.
  const side = (other: number): bigint => {
    const [own, next] = [ratioOfDouble(value), ratioOfDouble(other)];
    const midpoint = own.numerator * next.denominator + next.numerator * own.denominator;
    return 2n * exact.numerator * own.denominator * next.denominator - midpoint * exact.denominator;
  };
  const fromBelow = side(neighbour(value, -1n));
  const fromAbove = side(neighbour(value, 1n));
  const message = `${raw} × ${decimalToNumber(scale)} + ${decimalToNumber(bias)} is not ${value}`;
  assert.ok(isEven(value) ? fromBelow >= 0n && fromAbove <= 0n : fromBelow > 0n && fromAbove < 0n, message);
}

function assertScaled(raw: bigint, scale: Decimal, bias: Decimal): void {
  const { ofNumber, ofWhole } = chooseScaling(scale, bias);
  const value = ofWhole(raw);
  if (Number.isFinite(value)) assertNearest(value, raw, scale, bias);
  if (Number.isSafeInteger(Number(raw))) assert.equal(ofNumber(Number(raw)), value, `${raw}`);
}

const scales = ["0.1", "0.01", "0.001", "-0.1", "0.5", "2.5e-3", "0.15625", "0.00390625", "1000", "0.0689476", "1.8"];
const zero = parseDecimal("0");

test("479 tenths are 47.9, not 47.900000000000006", () => {
  assert.equal(chooseScaling(parseDecimal("0.1"), zero).ofNumber(479), 47.9);
  assert.equal(chooseScaling(parseDecimal("0.1"), parseDecimal("-273.15")).ofNumber(3000), 26.85);
  assert.equal(chooseScaling(parseDecimal("0.33333333333333333"), zero).ofNumber(3), 1);
});

test("every raw value of 16 bits has the decimal result", () => {
  for (const text of scales) {
    const scale = parseDecimal(text);
    for (const bias of [zero, parseDecimal("-273.15")]) {
      const { ofNumber } = chooseScaling(scale, bias);
      const exponent = Math.min(scale.exponent, bias.exponent, 0);
      const factor = scale.coefficient * 10n ** BigInt(scale.exponent - exponent);
      const addend = bias.coefficient * 10n ** BigInt(bias.exponent - exponent);
      for (let raw = -32_768; raw <= 65_535; raw++) {
        const expected = Number(`${BigInt(raw) * factor + addend}e${exponent}`);
        if (ofNumber(raw) !== expected) assert.fail(`${raw} × ${text} + ${decimalToNumber(bias)}: ${ofNumber(raw)}`);
      }
    }
  }
});

/** As people write them, and with as many digits as the grammar lets through. */
const decimal = fc.oneof(
  fc
    .tuple(fc.bigInt({ min: -999_999n, max: 999_999n }), fc.integer({ min: -9, max: 3 }))
    .map(([coefficient, exponent]) => parseDecimal(`${coefficient}e${exponent}`)),
  fc
    .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: -330, max: 260 }))
    .map(([coefficient, exponent]) => parseDecimal(`${coefficient}e${exponent}`)),
);

const scaleDecimal = decimal.filter(({ coefficient }) => coefficient !== 0n);

test("a raw value of 32 bits has the Double nearest to the exact decimal result, whatever scale and bias", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 31n), max: 2n ** 32n - 1n }), scaleDecimal, decimal, assertScaled), {
    numRuns: 3000,
  });
});

test("so has a raw value of 64 bits", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), scaleDecimal, decimal, assertScaled), {
    numRuns: 1000,
  });
});

test("raw values around the end of the quick way have the nearest Double, too", () => {
  const scale = parseDecimal("0.0123457");
  for (const bias of [zero, parseDecimal("12.5")]) {
    const end = Number.MAX_SAFE_INTEGER / 123_457;
    for (let raw = Math.floor(end) - 2000; raw <= end + 2000; raw++) assertScaled(BigInt(raw), scale, bias);
  }
});

test("points with the same scale and bias share what is chosen for them", () => {
  assert.equal(scalingOf("0.1", "-40"), scalingOf("0.1", "-40"));
  assert.notEqual(scalingOf("0.1", "-40"), scalingOf("0.1", "40"));
  assert.equal(scalingOf("0.1", "-40").ofNumber(479), 7.9);
});

test("what is no whole number is scaled in double arithmetic", () => {
  const { ofNumber } = chooseScaling(parseDecimal("0.1"), zero);
  assert.equal(ofNumber(0.5), 0.05);
  assert.equal(ofNumber(1e300), 1e299);
  assert.equal(ofNumber(Infinity), Infinity);
  assert.ok(Number.isNaN(ofNumber(NaN)));
  assert.equal(chooseScaling(parseDecimal("1e30"), zero).ofNumber(0.5), 5e29);
});
