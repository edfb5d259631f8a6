// The function of a Modbus endpoint: what people write for it, and what it means (MODBUS Application Protocol V1.1b3, 6).
//
// Promises: what means one function only is understood: its name with or without "Read", in singular or plural, its code (FC03, 3, 0x03),
// or both. A name and a code that contradict each other, and a name that fits two functions, are not guessed.

import type { ReadFunction } from "./modbus-server.ts";
import { didYouMean, recognise } from "../../../configuration/words.ts";

export type FunctionMeaning =
  | { readonly kind: "read"; readonly code: ReadFunction }
  | { readonly kind: "write" }
  /** `because` continues "<function> is ...". */
  | { readonly kind: "unknown"; readonly because: string };

const titles: Readonly<Record<ReadFunction, string>> = {
  1: "Read Coils",
  2: "Read Discrete Inputs",
  3: "Read Holding Registers",
  4: "Read Input Registers",
};

// 6.1 to 6.4, and the names that existing files and older manuals use, without "read" and plurals.
const codesByName: ReadonlyMap<string, readonly ReadFunction[]> = new Map([
  ["coil", [1]],
  ["coil status", [1]],
  ["output coil", [1]],
  ["discrete output", [1]],
  ["discrete input", [2]],
  ["input status", [2]],
  ["discrete input status", [2]],
  ["holding register", [3]],
  ["multiple holding register", [3]],
  ["input register", [4]],
  ["register", [3, 4]],
  ["multiple register", [3, 4]],
  ["analog input", [4]],
  ["input", [2, 4]],
]);

/** 6.5, 6.6, 6.11, 6.12, 6.16, 6.17: functions that write. */
const writeCodes = new Set([5, 6, 15, 16, 22, 23]);

const allNames =
  "Read Coils or Read Coil Status (FC01), Read Discrete Input or Read Discrete Inputs (FC02), " +
  "Read Holding Registers (FC03), Read Input Registers (FC04)";

export function meaningOfFunction(written: string): FunctionMeaning {
  const text = written.replaceAll(/([a-z])([A-Z])|[_-]/g, "$1 $2").toLowerCase();
  if (/\bwrite\b|\bmask\b|\bpreset\b|\bforce\b/.test(text)) return { kind: "write" };
  const code = codeIn(text);
  if (code !== undefined && writeCodes.has(code)) return { kind: "write" };
  const name = nameIn(text);
  const named = codesByName.get(name) ?? [];
  if (code !== undefined) {
    if (!isReadCode(code)) return unknown("");
    if (name === "" || named.includes(code)) return { kind: "read", code };
    return named.length === 0 ? unknown("") : unknown(didYouMean([code, ...named].map((one) => titleOf(one))));
  }
  const [first, ...others] = named;
  if (first !== undefined && others.length === 0) return { kind: "read", code: first };
  return unknown(didYouMean(named.length > 0 ? named.map((one) => titleOf(one)) : similar(written)));
}

function unknown(hint: string): FunctionMeaning {
  return { kind: "unknown", because: `it must be one of ${allNames}${hint}` };
}

function titleOf(code: ReadFunction): string {
  return `${titles[code]} (FC0${code})`;
}

function similar(written: string): readonly string[] {
  const recognised = recognise(written, [
    ...Object.values(titles),
    "Read Coil Status",
    "Write Single Coil",
    "Write Multiple Coils",
  ]);
  return "word" in recognised ? [] : recognised.candidates;
}

const codePattern = /\b(?:fc|fn|function(?: code)?|code)? *(0x[\da-f]{1,2}|\d{1,2})\b/;

function codeIn(text: string): number | undefined {
  const digits = codePattern.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function isReadCode(code: number): code is ReadFunction {
  return code >= 1 && code <= 4;
}

function nameIn(text: string): string {
  const words = text.replace(codePattern, " ").match(/[a-z]+/g) ?? [];
  return words
    .filter((word) => word !== "read")
    .map((word) => (word === "status" ? word : word.replace(/s$/, "")))
    .join(" ");
}
