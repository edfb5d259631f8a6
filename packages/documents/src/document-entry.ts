// One entry of the document as text: what stands before its value, how much room the value gets, and what comes after it.

import { BuiltInType, builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { isBad, StatusCode } from "@cpc-partition/image/values/status-code";
import type { BankReader } from "@cpc-partition/image/bank-reader";
import { isInline } from "@cpc-partition/image/long-value";
import type { DocumentForm } from "./document-form.ts";
import type { EntryTypes } from "./entry-types.ts";
import { valueToJson } from "@cpc-partition/image/values/value-json";

/** Longest JSON of each inline type, for example -32768 or -0.0000012345678901234567: longer than any with an exponent. */
const inlineWidths: Partial<Record<BuiltInType, number>> = {
  [BuiltInType.Boolean]: 5,
  [BuiltInType.SByte]: 4,
  [BuiltInType.Byte]: 3,
  [BuiltInType.Int16]: 6,
  [BuiltInType.UInt16]: 5,
  [BuiltInType.Int32]: 11,
  [BuiltInType.UInt32]: 10,
  [BuiltInType.StatusCode]: 10,
  [BuiltInType.Int64]: 20,
  [BuiltInType.UInt64]: 20,
  [BuiltInType.Float]: 25,
  [BuiltInType.Double]: 25,
  [BuiltInType.DateTime]: 30,
};
/** Long values get this much more than they need now, so that a text that grows a little does not move everything behind it. */
const slackBytes = 16;

/** How a point's value gets into its slot. */
export const Content = {
  /** There is no slot: the entry is left out, or is a text that stands. */
  none: 0,
  inline: 1,
  /** The text has to be made to see whether it changed; without a slot as long as the value is null. */
  long: 2,
} as const;
export type Content = (typeof Content)[keyof typeof Content];

export interface Entry {
  readonly content: Content;
  /** "" for an entry that is left out. */
  readonly text: string;
  /** Of the slot, in bytes from the start of the text. */
  readonly slotOffset: number;
  readonly slotWidth: number;
}

const leftOut: Entry = { content: Content.none, text: "", slotOffset: 0, slotWidth: 0 };

export function connectionEntry(key: string, isConnected: boolean, description: string): string {
  return `${JSON.stringify(key)}:{"value":${isConnected},"varType":"Boolean","description":${JSON.stringify(description)}}`;
}

/** The entry of a point with the comma before it (a connection entry always precedes it), its slot blank. */
export function pointEntry(
  bank: BankReader,
  index: number,
  form: DocumentForm,
  types: EntryTypes,
  withDescription: boolean,
): Entry {
  const { key = "", description = "", type: described = BuiltInType.Null } = bank.points[index] ?? {};
  const status = bank.status(index);
  const head = `,${JSON.stringify(key)}:{"value":`;
  const rest = `"description":${withDescription ? JSON.stringify(description) : '""'}`;
  if (isBad(status)) {
    if (form.unreadable === undefined) return leftOut;
    const text = `${head}${JSON.stringify(form.unreadable)},"varType":"String",${rest},"statusCode":${status}}`;
    return { ...leftOut, text };
  }
  const type = bank.type(index);
  const content = isInlineValue(bank, index) ? Content.inline : Content.long;
  const long = content === Content.long ? valueToJson(bank.value(index), form.nonFinite) : "";
  if (long === "null") return { ...leftOut, content };
  // Who wants texts in place of numbers takes any type.
  if (form.unreadable === undefined && !types.keeps(key, described, bank.kind(index))) return leftOut;
  const slotWidth = content === Content.inline ? (inlineWidths[type] ?? 0) : Buffer.byteLength(long) + slackBytes;
  const statusMember = status === StatusCode.Good ? "" : `,"statusCode":${status}`;
  const text = `${head}${" ".repeat(slotWidth)},"varType":"${builtInTypeName(type)}",${rest}${statusMember}}`;
  return { content, text, slotOffset: Buffer.byteLength(head), slotWidth };
}

function isInlineValue(bank: BankReader, index: number): boolean {
  return bank.shape(index) === 0 && isInline(bank.type(index));
}
