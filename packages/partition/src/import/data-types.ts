// Types and byte orders of other programs in our words. What could mean two things is not guessed.

import { dataTypeNames, fold, recognise } from "../configuration/words.ts";
import { modbusGrammar } from "../protocols/modbus/configuration/modbus-grammar.ts";
import { registerTypes, type RegisterType } from "../protocols/modbus/configuration/register-types.ts";

/** Registers that a value takes. Not half a register, since lists do not say which half; nor a String, which takes as many as it has. */
const registersByType: ReadonlyMap<string, number> = new Map(
  Object.entries<RegisterType>(registerTypes).flatMap(([name, { width, form }]) =>
    width === undefined || form === "lowByte" ? [] : [[name, width]],
  ),
);

export interface ListedType {
  readonly dataType: string;
  readonly registers: number;
}

/**
 * `length`: the registers that the file gives the value, or of a text its characters in registers; undefined: not said. The result may be why
 * the text is no type of ours.
 */
export function registerType(text: string, length: number | undefined): ListedType | string {
  const [, name = text, ownLength] = /^([^[(]*)[[(]\s*(\d+)\s*[\])]\s*$/.exec(text) ?? [];
  const folded = fold(name);
  if (/^(string|text|ascii|char|visiblestring|str)$/.test(folded)) {
    const registers = ownLength === undefined ? length : Math.ceil(Number(ownLength) / 2);
    if (registers === undefined || registers < 1) return `the text has no length`;
    return { dataType: "String", registers };
  }
  const types = [...registersByType.keys()];
  const recognised = recognise(name, types, dataTypeNames);
  const candidates = "word" in recognised ? [recognised.word] : recognised.candidates;
  // INT is 16 bits in IEC 61131-3 and 32 elsewhere: the length tells.
  const fitting = candidates.filter((type) => length === undefined || registersByType.get(type) === length);
  const [dataType] = fitting;
  const isSure = "word" in recognised || (length !== undefined && fitting.length === 1 && isNamed(folded, candidates));
  if (dataType === undefined || !isSure) {
    if ("word" in recognised && length !== undefined && length > 0) {
      const registers = registersByType.get(recognised.word) ?? 1;
      if (length % registers === 0) return { dataType: recognised.word, registers: length };
    }
    if (candidates.length > 1 && isNamed(folded, candidates))
      return `type "${text}" could be ${candidates.join(" or ")}; write the one that it is`;
    const meant = candidates.length > 0 ? ` (did the file mean ${candidates.join(" or ")}?)` : "";
    return `type "${text}" has no counterpart${meant}`;
  }
  return { dataType, registers: length ?? registersByType.get(dataType) ?? 1 };
}

/** Candidates that were found by similarity do not count. */
function isNamed(folded: string, candidates: readonly string[]): boolean {
  return candidates.every((type) => dataTypeNames[type]?.split(" ").includes(folded));
}

// What these say of one register holds for all registers of a value.
const ordersOfOthers: Readonly<Record<string, string>> = { ab: "ABCD", ba: "BADC", big: "ABCD" };
const wordOrders = ["ABCD", "CDAB", "BADC", "DCBA"];

/** "ABCDEFGH", "3412", "big endian" and so on; undefined: it says nothing that we know for certain. */
export function wordOrder(text: string): string | undefined {
  const recognised = recognise(text, wordOrders, modbusGrammar.otherNames["WordOrder"]);
  return "word" in recognised ? recognised.word : ordersOfOthers[fold(text)];
}

/** As the grammar has a Factor. */
const decimalForm = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i;
const longestDecimal = 50;

/** "0,1" is a number for Germans; "1,000" is 1 for them and 1000 for others. Undefined: it is none, or none for certain. */
export function decimalText(text: string): string | undefined {
  const given = text.trim();
  const plain = /^[+-]?\d+,\d+(?:e[+-]?\d+)?$/i.test(given) ? given.replace(",", ".") : given;
  const isAmbiguous = /^[+-]?[1-9]\d{0,2},\d{3}$/.test(given);
  const isNumber = decimalForm.test(plain) && plain.length <= longestDecimal && Number.isFinite(Number(plain));
  // What a Double cannot tell from 0 makes every value 0.
  const isLost = Number(plain) === 0 && /[1-9]/.test(plain.replace(/e.*$/i, ""));
  if (!isNumber || isAmbiguous || isLost) return undefined;
  // An exponent of nothing may be of any size.
  return Number(plain) === 0 ? "0" : plain;
}

/** Without an exponent, which elements for times and deadbands do not take. */
export function plainNumber(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(20).replace(/\.?0+$/, "") : text;
}
