// Decimal numbers, exactly as they are written. 0.1 has no Double of its own: a product with its nearest one shows 479 tenths as
// 47.900000000000006.

/** `coefficient` × 10^`exponent`; the coefficient of 0 is 0n, no other ends with a zero. */
export interface Decimal {
  readonly coefficient: bigint;
  readonly exponent: number;
}

const form = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;

/** `text` has the form that the grammar calls a Factor. What a Double cannot tell from 0 is 0; the largest Double bounds the rest. */
export function parseDecimal(text: string): Decimal {
  const parts = form.exec(text);
  const size = Math.abs(Number(text));
  if (parts === null || !Number.isFinite(size)) throw new RangeError(`cannot read ${text} because it is no number`);
  if (size === 0) return { coefficient: 0n, exponent: 0 };
  const [, sign = "", whole = "", fraction = "", power = "0"] = parts;
  const digits = `${whole}${fraction}`.replace(/0+$/, "");
  const stripped = whole.length + fraction.length - digits.length;
  const magnitude = BigInt(digits);
  return {
    coefficient: sign === "-" ? -magnitude : magnitude,
    exponent: Number(power) - fraction.length + stripped,
  };
}

/** The nearest Double. */
export function decimalToNumber({ coefficient, exponent }: Decimal): number {
  return Number(`${coefficient}e${exponent}`);
}

/** True when raw × `scale` + `bias` is the raw value. */
export function isIdentity(scale: string, bias: string): boolean {
  const { coefficient, exponent } = parseDecimal(scale);
  return coefficient === 1n && exponent === 0 && parseDecimal(bias).coefficient === 0n;
}
