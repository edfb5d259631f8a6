// Everything that is known of one point, and its last changes. Pure.

import type { Change } from "@cpc-partition/image/journal-reader";
import { builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { isGood } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { enumeratedText } from "@cpc-partition/image/values/enumeration";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { ageText } from "@cpc-partition/process/age-text";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { connectionNames } from "../value-table.ts";
import { counted, styleOfStatus, type Paint, type ScreenSize, type Style } from "./screen.ts";
import { sparkline, type TimedNumber } from "./sparkline.ts";
import type { Look, WatchedPoint } from "./watched-plant.ts";

const nameColumns = 13;
/** A value may have a megabyte. */
const mostCharacters = 4000;
const mostChanges = 8;

export function detailLines(
  look: Look,
  point: WatchedPoint,
  changes: readonly Change[],
  { columns, rows }: ScreenSize,
  paint: Paint,
): readonly string[] {
  const { described, group } = point;
  const bank = look.bankOf(point);
  const wide = Math.max(10, columns - nameColumns);
  const lines = [paint("bold", terminalLine(described.key)), ""];
  const add = (name: string, text: string, style?: Style): void => {
    wrapped(text, wide).forEach((part, index) => {
      const head = paint("dim", (index === 0 ? name : "").padEnd(nameColumns));
      lines.push(head + (style === undefined ? part : paint(style, part)));
    });
  };
  if (bank === undefined) add("Value", "the writer was too fast; it is shown in a moment");
  else {
    const { status, sourceNs, receivedNs, ...value } = bank.reading(point.index);
    const text = enumeratedText(described.enumeration, value) ?? "";
    add("Value", `${shortened(valueToJson(value))} ${terminalLine(`${text} ${described.unit}`.trim())}`.trimEnd());
    const code = `0x${status.toString(16).padStart(8, "0")}`;
    add("Status", `${statusName(status)} (${code})`, styleOfStatus(status));
    add("Type", builtInTypeName(value.type));
    add("Source time", instant(sourceNs, look.nowMs));
    add("Received", instant(receivedNs, look.nowMs));
    add("Server", `${terminalLine(`${point.server} ${group.name}`.trimEnd())}, ${connectionNames[bank.connection]}`);
  }
  add(
    "Interval",
    group.isSubscribed === true ? `subscribed, ${group.intervalMs} ms` : `read every ${group.intervalMs} ms`,
  );
  add("Address", terminalLine(described.source));
  add("Description", terminalLine(described.description));
  for (const [name, text] of historyRows(changes, look.nowMs, wide)) add(name, text);
  return [
    ...lines.slice(0, rows - 2),
    "",
    paint("dim", "Up, Down: other points   Esc back   q quit".slice(0, columns)),
  ];
}

/** No line for an empty text. */
function wrapped(text: string, columns: number): readonly string[] {
  const characters = Array.from(text);
  const count = Math.ceil(characters.length / columns);
  return Array.from({ length: count }, (_, line) => characters.slice(line * columns, (line + 1) * columns).join(""));
}

function historyRows(
  changes: readonly Change[],
  nowMs: number,
  columns: number,
): readonly (readonly [string, string])[] {
  const [first] = changes;
  if (first === undefined) return [["History", "no change in the journal"]];
  const numbers = changes.map(timedNumber);
  const startMs = numbers[0]?.ms ?? nowMs;
  const good = numbers.flatMap(({ value }) => (value === undefined ? [] : [value]));
  const range = good.length === 0 ? "" : `, ${shortNumber(Math.min(...good))} to ${shortNumber(Math.max(...good))}`;
  const since = `${counted(changes.length, "change")} in ${ageText(Math.max(0, nowMs - startMs))}${range}`;
  const last = changes.slice(-mostChanges).toReversed();
  return [
    ["History", since],
    ...(good.length === 0 ? [] : [["", sparkline(numbers, startMs, nowMs, columns)] as const]),
    ...last.map((change, index) => [index === 0 ? "Changes" : "", changeText(change, columns)] as const),
  ];
}

/** Of what is no number, and of what is not good, only the time. */
function timedNumber({ receivedNs, value, status }: Change): TimedNumber {
  const isNumber = typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
  const number = isNumber && isGood(status) ? Number(value) : undefined;
  return { ms: Number(receivedNs / 1_000_000n), value: Number.isFinite(number) ? number : undefined };
}

function changeText(change: Change, columns: number): string {
  const time = new Date(Number(change.receivedNs / 1_000_000n)).toISOString().slice(11, 23);
  return terminalLine(`${time}  ${statusName(change.status)}  ${valueToJson(change)}`.slice(0, columns));
}

function instant(ns: bigint, nowMs: number): string {
  if (ns === 0n) return "-";
  const ms = Number(ns / 1_000_000n);
  return `${new Date(ms).toISOString().replace("T", " ")} (${ageText(Math.max(0, nowMs - ms))} ago)`;
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(7)));
}

function shortened(text: string): string {
  const safe = terminalLine(text.slice(0, mostCharacters));
  return text.length <= mostCharacters ? safe : `${safe} … (${text.length} characters: cpc dump shows all)`;
}
