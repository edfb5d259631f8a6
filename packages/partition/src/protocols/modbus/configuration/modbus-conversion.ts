// What is made of the raw value of an endpoint: scale and bias of a number, the encoding of a text.

import type { ModbusText } from "./modbus-server.ts";
import { isIdentity } from "./decimal.ts";
import type { Fields } from "../../../configuration/fields.ts";
import { quote } from "../../../configuration/problem.ts";

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
      `${quote(name)} is a ${wireType}, which has no scale or bias; use a number type, or remove <scale> and <bias>`,
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

/** How the registers of a String hold its text; undefined for other types. */
export function readText(fields: Fields, name: string, wireType: string): ModbusText | undefined {
  const encoding = (fields.token("encoding") as ModbusText["encoding"] | undefined) ?? "UTF-8";
  const charactersPerRegister = fields.token("charactersPerRegister");
  if (wireType !== "String") {
    for (const element of ["encoding", "charactersPerRegister"]) {
      if (!fields.has(element)) continue;
      fields.findings.error(
        fields.lineOf(element),
        `${quote(name)} is a ${wireType} and not a text; remove <${element}>, or add <dataType>String</dataType> if registers hold a text`,
      );
    }
    return undefined;
  }
  if (encoding !== "UTF-16BE") return { encoding, charactersPerRegister: charactersPerRegister === "1" ? 1 : 2 };
  if (charactersPerRegister === "2") {
    fields.findings.error(
      fields.lineOf("charactersPerRegister"),
      `a register holds one character of ${quote(name)} in UTF-16BE; remove <charactersPerRegister> or write 1`,
    );
  }
  return { encoding, charactersPerRegister: 1 };
}
