// A straight line through two points as scale and bias, exact in decimal digits. Pure.

export interface LineEnds {
  readonly rawLow: string;
  readonly rawHigh: string;
  readonly scaledLow: string;
  readonly scaledHigh: string;
}

/** More digits than a Double shows. */
const mostDigits = 20;

/** As our elements <scale> and <bias>; undefined: there is no such line, or its factor (a third) has no end in decimal digits. */
export function linearScale(ends: LineEnds): { readonly scale: string; readonly bias: string } | undefined {
  const texts = [ends.rawLow, ends.rawHigh, ends.scaledLow, ends.scaledHigh];
  const places = Math.max(...texts.map((text) => decimalPlaces(text)));
  const [rawLow = 0n, rawHigh = 0n, scaledLow = 0n, scaledHigh = 0n] = texts.map((text) => scaled(text, places));
  const rawSpan = rawHigh - rawLow;
  const scaledSpan = scaledHigh - scaledLow;
  if (rawSpan === 0n || scaledSpan === 0n) return undefined;
  const scale = quotient(scaledSpan, rawSpan);
  // bias = scaledLow - rawLow * scale, all over the same denominator.
  const bias = quotient(scaledLow * rawSpan - rawLow * scaledSpan, rawSpan * 10n ** BigInt(places));
  return scale === undefined || bias === undefined ? undefined : { scale, bias };
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

function quotient(dividend: bigint, divisor: bigint): string | undefined {
  const shifted = dividend * 10n ** BigInt(mostDigits);
  if (shifted % divisor !== 0n) return undefined;
  const result = shifted / divisor;
  const digits = (result < 0n ? -result : result).toString().padStart(mostDigits + 1, "0");
  const fraction = digits.slice(-mostDigits).replace(/0+$/, "");
  return `${result < 0n ? "-" : ""}${digits.slice(0, -mostDigits)}${fraction === "" ? "" : `.${fraction}`}`;
}
