// A straight line through two points as scale and bias in decimal digits. A factor that has no end there (100 over 27648) is rounded so late that every value
// is off by less than 1e-25 before it is rounded to a Double: only what should be 0 shows that. Pure.

export interface LineEnds {
  readonly rawLow: string;
  readonly rawHigh: string;
  readonly scaledLow: string;
  readonly scaledHigh: string;
}

export interface LinearScale {
  readonly scale: string;
  readonly bias: string;
  readonly isRounded: boolean;
}

/** Behind the point: more than twice as many as a Double shows. */
const mostDigits = 35;
/** As the grammar has them. */
const longestFactor = 50;
/** As many digits as a Double has are left of a rounded factor. */
const leastRounded = 10n ** 17n;

/** As our elements <scale> and <bias>; undefined: there is no such line, or none that they can hold. */
export function linearScale(ends: LineEnds): LinearScale | undefined {
  const texts = [ends.rawLow, ends.rawHigh, ends.scaledLow, ends.scaledHigh];
  const places = Math.max(...texts.map((text) => decimalPlaces(text)));
  const [rawLow = 0n, rawHigh = 0n, scaledLow = 0n, scaledHigh = 0n] = texts.map((text) => scaled(text, places));
  const rawSpan = rawHigh - rawLow;
  const scaledSpan = scaledHigh - scaledLow;
  if (rawSpan === 0n || scaledSpan === 0n) return undefined;
  const unit = 10n ** BigInt(mostDigits);
  const factor = rounded(scaledSpan * unit, rawSpan);
  const scale = decimal(factor, mostDigits);
  // Of the rounded factor, so that the lower end is exact.
  const bias = decimal(scaledLow * unit - rawLow * factor, mostDigits + places);
  const isRounded = factor * rawSpan !== scaledSpan * unit;
  const isCut = isRounded && magnitude(factor) < leastRounded;
  if (isCut || Math.max(scale.length, bias.length) > longestFactor) return undefined;
  return { scale, bias, isRounded };
}

function decimalPlaces(text: string): number {
  return /\.(\d+)/.exec(plain(text))?.[1]?.length ?? 0;
}

function scaled(text: string, places: number): bigint {
  const [whole = "0", fraction = ""] = plain(text).split(".");
  return BigInt(whole + fraction.padEnd(places, "0"));
}

/** Without an exponent and a plus sign. */
function plain(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const shift = Number(exponent);
  const digits = "0".repeat(Math.max(0, 1 - whole.length - shift)) + whole + fraction;
  const point = Math.max(1, whole.length + shift);
  const moved = digits.padEnd(point, "0");
  return `${sign === "-" ? "-" : ""}${moved.slice(0, point)}.${moved.slice(point)}`;
}

function rounded(dividend: bigint, divisor: bigint): bigint {
  const isNegative = dividend < 0n !== divisor < 0n;
  const [size, by] = [magnitude(dividend), magnitude(divisor)];
  const result = (2n * size + by) / (2n * by);
  return isNegative ? -result : result;
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

/** `value` over ten to the `places`, without zeros at its end. */
function decimal(value: bigint, places: number): string {
  const digits = magnitude(value)
    .toString()
    .padStart(places + 1, "0");
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, digits.length - places)}${fraction === "" ? "" : `.${fraction}`}`;
}
