// Reads `<noValue>`: raw values in decimal, as bits in hexadecimal, or NaN. Whatever the form, the bits of the registers are what is compared
// later, so this is where it shows that a value does not fit the type of the endpoint.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { bitsOfFloat16, numberOfFloat16 } from "./float16.ts";
import type { ModbusPoint, NoValue } from "./modbus-server.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { quote } from "../../../configuration/problem.ts";

interface Layout {
  readonly bits: number;
  /** Smallest and largest whole number; undefined for floating point. */
  readonly range: readonly [bigint, bigint] | undefined;
  /** Each hexadecimal digit is a decimal one. */
  readonly isDecimal?: true;
}

const layouts: ReadonlyMap<BuiltInType, Layout> = new Map([
  // The register in which the bit is, or which is compared with 0.
  [BuiltInType.Boolean, unsigned(16)],
  [BuiltInType.Int16, signed(16)],
  [BuiltInType.UInt16, unsigned(16)],
  [BuiltInType.Int32, signed(32)],
  [BuiltInType.UInt32, unsigned(32)],
  [BuiltInType.Int64, signed(64)],
  [BuiltInType.UInt64, unsigned(64)],
  [BuiltInType.Float, { bits: 32, range: undefined }],
  [BuiltInType.Double, { bits: 64, range: undefined }],
]);

function unsigned(bits: number): Layout {
  return { bits, range: [0n, 2n ** BigInt(bits) - 1n] };
}

function signed(bits: number): Layout {
  const half = 2n ** BigInt(bits - 1);
  return { bits, range: [-half, half - 1n] };
}

function layoutOf({ functionCode, wireType, width, form }: Shape): Layout | undefined {
  if (functionCode <= 2) return undefined;
  switch (form) {
    case undefined:
      return layouts.get(wireType);
    case "lowByte":
    case "highByte":
      return wireType === BuiltInType.SByte ? signed(8) : unsigned(8);
    case "float16":
      return { bits: 16, range: undefined };
    case "bcd":
      return { bits: 16 * width, range: [0n, 10n ** BigInt(4 * width) - 1n], isDecimal: true };
    default:
      return form satisfies never;
  }
}

interface Shape extends Pick<ModbusPoint, "functionCode" | "wireType" | "width" | "form"> {
  /** As in the file. */
  readonly typeName: string;
}

/** The patterns that a word stands for, NaN, or what is wrong with it. */
type Meaning = { readonly patterns: readonly bigint[] } | "NaN" | { readonly misfit: string };

/** What does not fit is left in the findings. */
export function readNoValue(fields: Fields, name: string, shape: Shape): NoValue | undefined {
  const { functionCode, typeName } = shape;
  const written = fields.token("noValue");
  if (written === undefined) return undefined;
  const line = fields.lineOf("noValue");
  const layout = layoutOf(shape);
  if (layout === undefined) {
    const kind = functionCode <= 2 ? "a single bit" : `a ${typeName}`;
    fields.findings.error(
      line,
      `${quote(name)} is ${kind}, which has no raw value to spare for <noValue>; remove <noValue>`,
    );
    return undefined;
  }
  const patterns = new Set<bigint>();
  let notANumber = false;
  for (const word of written.split(" ")) {
    const meaning = meaningOf(word, typeName, layout);
    if (meaning === "NaN") notANumber = true;
    else if ("patterns" in meaning) for (const pattern of meaning.patterns) patterns.add(pattern);
    else fields.findings.error(line, `<noValue> of ${quote(name)} holds ${quote(word)}, ${meaning.misfit}`);
    if (isShort(word, layout)) {
      const full = `0x${word.slice(2).padStart(layout.bits / 4, "0")}`;
      fields.findings.warn(
        line,
        `<noValue> of ${quote(name)} holds ${word}, which means ${full} because ${typeName} has ${layout.bits} bits; write all ${layout.bits / 4} digits`,
      );
    }
  }
  return { patterns: Array.from(patterns, (pattern) => `0x${pattern.toString(16)}`), notANumber };
}

function meaningOf(word: string, type: string, { bits, range, isDecimal }: Layout): Meaning {
  if (word.toLowerCase() === "nan") {
    return range === undefined
      ? "NaN"
      : { misfit: `which ${type} does not have; write the raw value, for example 0xFFFF` };
  }
  if (isHexadecimal(word)) {
    const pattern = BigInt(word);
    if (pattern < 2n ** BigInt(bits)) return { patterns: [pattern] };
    return { misfit: `which is more than the ${bits} bits of ${type}; write at most ${bits / 4} hexadecimal digits` };
  }
  if (range === undefined) return floatMeaning(Number(word), type, bits);
  if (!/^[+-]?\d+$/.test(word))
    return { misfit: `but ${type} has whole numbers only; write the raw value, before scale and bias` };
  const value = BigInt(word.replace("+", ""));
  const [lowest, highest] = range;
  if (value >= lowest && value <= highest && isDecimal === true) return { patterns: [BigInt(`0x${value}`)] };
  if (value >= lowest && value <= highest) return { patterns: [BigInt.asUintN(bits, value)] };
  const bitsOfValue =
    value >= -(2n ** BigInt(bits - 1)) && value < 2n ** BigInt(bits) ? BigInt.asUintN(bits, value) : undefined;
  const remedy =
    bitsOfValue === undefined ? "a raw value in this range" : `its bits, 0x${bitsOfValue.toString(16).toUpperCase()}`;
  return { misfit: `but ${type} goes from ${lowest} to ${highest}; write ${remedy}` };
}

/** Both zeros are the number 0. */
function floatMeaning(value: number, type: string, bits: number): Meaning {
  const view = new DataView(new ArrayBuffer(8));
  const patternOf = (number: number): bigint => {
    if (bits === 16) return BigInt(bitsOfFloat16(number));
    if (bits === 32) view.setFloat32(0, number);
    else view.setFloat64(0, number);
    return bits === 32 ? BigInt(view.getUint32(0)) : view.getBigUint64(0);
  };
  const round = bits === 16 ? roundToFloat16 : bits === 32 ? Math.fround : Number;
  if (!Number.isFinite(round(value)))
    return { misfit: `which ${type} cannot hold; write a smaller number, or its bits in hexadecimal` };
  return { patterns: value === 0 ? [patternOf(0), patternOf(-0)] : [patternOf(value)] };
}

function roundToFloat16(value: number): number {
  return numberOfFloat16(bitsOfFloat16(value));
}

function isHexadecimal(word: string): boolean {
  return /^0x/i.test(word);
}

/** The top bits of a 32 or 64-bit pattern were probably forgotten: 0x8000 is what the manual of a 16-bit value says. */
function isShort(word: string, { bits }: Layout): boolean {
  return isHexadecimal(word) && bits > 16 && word.length - 2 < bits / 4 && BigInt(word) > 0n;
}
