// Recognises a word of a closed set although it is written in another way: capitals, spaces and hyphens never matter, and
// names of other worlds (IEC 61131-3, C, vendors' manuals) are understood where they mean one thing only.
//
// Promises: a word is never guessed. What could mean two things, or is only similar, comes back as candidates for a message.

import { typingMistakes } from "@cpc-partition/process/typing-mistakes";

/** What else people write for a word, folded. A name that stands with two words could mean each of them. */
export type OtherNames = Readonly<Record<string, string>>;

// "int" and "uint" have 16 bits in IEC 61131-3 and 32 elsewhere, "long" 32 or 64.
export const dataTypeNames: OtherNames = {
  Boolean: "bool bit",
  Int8: "i8 s8 sint8 signed8 sint int8t sbyte",
  UInt8: "u8 unsigned8 usint uint8t byte",
  Int16: "i16 s16 sint16 signed16 short int16t int integer signed",
  UInt16: "u16 unsigned16 ushort word uint16t uint unsigned unsignedint",
  Int32: "i32 s32 sint32 signed32 dint int32t int integer signed long",
  UInt32: "u32 unsigned32 udint dword uint32t uint unsigned unsignedint ulong unsignedlong",
  Int64: "i64 s64 sint64 signed64 lint longlong int64t long",
  UInt64: "u64 unsigned64 ulint lword uint64t ulong unsignedlong",
  Float: "float32 f32 real real32 single",
  Float16: "f16 half halffloat real16",
  BCD16: "bcd bcd4digits",
  BCD32: "bcd bcd8digits",
  BCD48: "bcd bcd12digits",
  BCD64: "bcd bcd16digits",
  Double: "float64 f64 lreal real64",
  String: "text ascii",
};

export type Recognised = { readonly word: string } | { readonly candidates: readonly string[] };

/** `words` are a closed set. */
export function recognise(text: string, words: readonly string[], others: OtherNames = {}): Recognised {
  // As nearly everybody writes it.
  if (words.includes(text)) return { word: text };
  // The policies' URIs are told apart by what follows the "#".
  const folded = fold(text.split("#").at(-1) ?? "");
  if (folded === "") return { candidates: [] };
  const meant = words.filter((word) => fold(word) === folded);
  if (meant.length === 0) meant.push(...words.filter((word) => others[word]?.split(" ").includes(folded)));
  const [word] = meant;
  if (word !== undefined && meant.length === 1) return { word };
  return { candidates: meant.length > 0 ? meant : nearest(folded, words) };
}

/** Lower case, letters and digits only. */
export function fold(text: string): string {
  return text.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
}

/** Continues a message: "; did you mean A or B?" Empty without candidates. */
export function didYouMean(candidates: readonly string[]): string {
  if (candidates.length === 0) return "";
  const last = candidates.at(-1) ?? "";
  const all = candidates.length === 1 ? last : `${candidates.slice(0, -1).join(", ")} or ${last}`;
  return `; did you mean ${all}?`;
}

/** A whole number that is written in hexadecimal (0x66, 66h, 16#66), in decimal; any other text as it is. */
export function decimalOf(text: string): string {
  if (/^\d{1,15}$/.test(text)) return text;
  const digits = /^\s*(?:0x([\da-f]+)|16#([\da-f]+)|(\d[\da-f]*)h)\s*$/i.exec(text)?.slice(1).find(Boolean);
  return digits === undefined ? text : BigInt(`0x${digits}`).toString();
}

const longestCompared = 60;
const shortestPart = 4;
const mostCandidates = 4;

/** The words with the fewest typing mistakes, if these are few; else the words that it is a part of. */
function nearest(folded: string, words: readonly string[]): readonly string[] {
  if (folded.length > longestCompared) return [];
  // Another number is another thing, not a typing mistake.
  const comparable = words.filter((word) => digitsOf(fold(word)) === digitsOf(folded));
  const measured = comparable.map((word) => ({ word, mistakes: typingMistakes(folded, fold(word)) }));
  const fewest = Math.min(...measured.map(({ mistakes }) => mistakes));
  const isNear = fewest <= Math.max(1, Math.floor(folded.length / 3));
  const best = isNear
    ? measured.filter(({ mistakes }) => mistakes === fewest).map(({ word }) => word)
    : comparable.filter((word) => folded.length >= shortestPart && fold(word).includes(folded));
  return best.length <= mostCandidates ? best : [];
}

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, "");
}
