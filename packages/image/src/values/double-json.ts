// The JSON of a floating point number (OPC 10000-6, 5.4.2.4): shared by the document and by structures inside it.

/**
 * What stands for NaN and the infinities, which JSON has no words for: the tokens that Python's json writes and reads as floats, or the
 * strings of the standard.
 */
export type NonFinite = "tokens" | "strings";

/** Float and Double as Python's json writes them: always with a point or an exponent, so that a reader sees a float. */
export function doubleToJson(value: number, nonFinite: NonFinite): string {
  if (!Number.isFinite(value)) return nonFinite === "tokens" ? String(value) : `"${value}"`;
  if (!Number.isInteger(value)) return String(value);
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return text.includes("e") ? text : `${text}.0`;
}
