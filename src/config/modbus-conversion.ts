// What is made of the raw value of an endpoint: scale and bias of a number.

import { isIdentity } from "./decimal.ts";
import type { Fields } from "./fields.ts";
import { quote } from "./problem.ts";

export interface Conversion {
  readonly scale: string;
  readonly bias: string;
  /** The published value is another one than the raw value. */
  readonly applies: boolean;
}

/** What does not fit is left in the findings. */
export function readConversion(fields: Fields, name: string, wireType: string): Conversion {
  const scale = readDecimal(fields, "scale", name) ?? "1";
  const bias = readDecimal(fields, "bias", name) ?? "0";
  const applies = !isIdentity(scale, bias);
  if (applies && (wireType === "Boolean" || wireType === "String")) {
    fields.findings.error(
      fields.lineOf(isIdentity(scale, "0") ? "bias" : "scale"),
      `${quote(name)} is a ${wireType}, which has no scale or bias; a number type or neither of them is right`,
    );
  }
  return { scale, bias, applies };
}

function readDecimal(fields: Fields, element: "scale" | "bias", name: string): string | undefined {
  const text = fields.token(element);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && (element === "bias" || value !== 0)) return text;
  const range = element === "scale" ? "a number other than 0 below 1.8e308" : "a number below 1.8e308";
  fields.findings.error(fields.lineOf(element), `<${element}> of ${quote(name)} must be ${range}`);
  return undefined;
}
