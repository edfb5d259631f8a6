// One point as the page shows it: value, status in words, and whether to believe it.

import type { BankReader } from "@cpc-partition/image";
import { BuiltInType, builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { enumeratedText } from "@cpc-partition/image/values/enumeration";
import { isBad, isGood } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import type { Value } from "@cpc-partition/image/values/value";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { terminalLine } from "@cpc-partition/process/terminal-text";

/** "old": nothing came for three intervals, or 5 s. "dead": nobody keeps the image up to date. */
export type Quality = "good" | "uncertain" | "bad" | "old" | "dead";
export const qualities: readonly Quality[] = ["good", "uncertain", "bad", "old", "dead"];

export interface PointRow {
  /** Service and key: stays the same over restarts and generations. */
  readonly id: string;
  readonly service: string;
  readonly server: string;
  readonly key: string;
  /** The key without the server's alias. */
  readonly name: string;
  readonly value: string;
  readonly unit: string;
  readonly quality: Quality;
  readonly status: string;
  readonly type: string;
  readonly source: string;
  readonly description: string;
  readonly intervalMs: number;
  /** Unix milliseconds, 0 for none. */
  readonly receivedMs: number;
  readonly sourceMs: number;
}

const leastOldMs = 5000;
const longestText = 160;

export function pointRow(service: string, bank: BankReader, index: number, isAlive: boolean, nowMs: number): PointRow {
  const { key = "", unit = "", source = "", description = "", enumeration } = bank.points[index] ?? {};
  const { alias } = bank.server;
  const { status, receivedNs, sourceNs, ...value } = bank.reading(index);
  const receivedMs = Number(receivedNs / 1_000_000n);
  const name = key.startsWith(`${alias}: `) ? key.slice(alias.length + 2) : key;
  return {
    id: `${service} ${key}`,
    service,
    server: terminalLine(alias),
    key: terminalLine(key),
    name: terminalLine(name),
    value: receivedNs === 0n ? "" : terminalLine(valueText(value, enumeration)),
    unit: terminalLine(unit),
    quality: isAlive ? qualityOf(status, nowMs - receivedMs, bank.group.intervalMs) : "dead",
    status: statusName(status),
    type: builtInTypeName(value.type),
    source: terminalLine(source),
    description: terminalLine(description),
    intervalMs: bank.group.intervalMs,
    receivedMs,
    sourceMs: Number(sourceNs / 1_000_000n),
  };
}

function qualityOf(status: number, ageMs: number, intervalMs: number): Quality {
  if (isBad(status)) return "bad";
  // A value of the future is of no known age: the clock was set.
  if (Math.abs(ageMs) > Math.max(leastOldMs, 3 * intervalMs)) return "old";
  return isGood(status) ? "good" : "uncertain";
}

/** The number of an enumeration with its text: "1 Running". */
function valueText(value: Value, enumeration: string | undefined): string {
  const text = enumeratedText(enumeration, value);
  if (text !== undefined) return cut(`${valueToJson(value)} ${text}`);
  const { value: content } = value;
  const isFraction = typeof content === "number" && !Number.isInteger(content) && Number.isFinite(content);
  return isFraction ? String(Number(content.toPrecision(7))) : cut(plain(value.type, valueToJson(value)));
}

/** JSON without what only programs need: the quotes of a text, the locale of a localized one. */
function plain(type: BuiltInType, json: string): string {
  if (type !== BuiltInType.LocalizedText && !json.startsWith('"')) return json;
  const content: unknown = JSON.parse(json);
  if (typeof content === "string") return content;
  const text = content !== null && typeof content === "object" && "Text" in content ? content.Text : undefined;
  return typeof text === "string" ? text : json;
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText - 1)}\u2026` : text;
}
