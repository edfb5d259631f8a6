// Floats of 16 bits (IEEE 754, binary16): sign, 5 bits of exponent, 10 of fraction. Node.js reads and writes them itself from version 24 on. Pure.

const fractionBits = 10;
const fractionMask = 2 ** fractionBits - 1;
const infinity = 0x7c00;
/** Of the last digit where the exponent field is 0 or 1. */
const smallest = 2 ** -24;
/** From here on the nearest number is infinity. */
const tooLarge = 65_520;

export function numberOfFloat16(bits: number): number {
  const sign = bits >>> 15 === 0 ? 1 : -1;
  const exponent = (bits & infinity) >>> fractionBits;
  const fraction = bits & fractionMask;
  if (exponent === 0) return sign * fraction * smallest;
  if (exponent === infinity >>> fractionBits) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (fractionMask + 1 + fraction) * 2 ** (exponent - 1) * smallest;
}

/** Of the nearest Float16, and of two that are equally near the one that ends in 0. `value`: not NaN. */
export function bitsOfFloat16(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= tooLarge) return sign | infinity;
  const exponent = Math.max(0, Math.floor(Math.log2(size)) + 14);
  const exact = size / smallest / 2 ** exponent;
  const below = Math.floor(exact);
  const rest = exact - below;
  const whole = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  // A fraction that is full goes on into the exponent, and so does the leading 1 of a number that is not among the smallest.
  return sign | ((exponent << fractionBits) + whole);
}
