// Changes of a journal as lines: for people, as CSV for spreadsheets, as JSON for programs. Pure.

import { stringify } from "csv-stringify/sync";
import type { Change } from "@cpc-partition/image/journal-reader";
import { builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { statusName } from "@cpc-partition/image/values/status-name";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import type { NamedPoint } from "@cpc-partition/image/point-names";

/** A value with its status and times; of a journal, with its number there. */
export interface TimedValue extends Omit<Change, "position" | "sequence" | "point" | "group" | "generation"> {
  readonly sequence?: bigint;
}

export interface ChangeFormat {
  /** Printed once, at the beginning. */
  readonly head?: string;
  /** Without the end of the line. */
  readonly line: (change: TimedValue, point: NamedPoint) => string;
}

const csvHead = ["published", "received", "source", "server", "key", "value", "type", "unit", "status", "statusCode"];

export const textLines: ChangeFormat = {
  line: (change, { server, key, unit }) => {
    const name = key.startsWith(`${server}: `) ? key.slice(server.length + 2) : key;
    const value = `${valueToJson(change)}${unit === "" ? "" : ` ${unit}`}`;
    const parts = [instant(change.publishedNs), server, `${name} = ${value}`, statusName(change.status)];
    return parts.map((part) => terminalLine(part)).join("  ");
  },
};

export const csvLines: ChangeFormat = {
  head: csvLine([...csvHead, "sequence"]),
  line: (change, point) => csvLine([...csvFields(change, point), String(change.sequence)]),
};

/** Without a journal there are no numbers. */
export const csvRows: ChangeFormat = {
  head: csvLine(csvHead),
  line: (change, point) => csvLine(csvFields(change, point)),
};

function csvFields(change: TimedValue, { server, key, unit }: NamedPoint): readonly string[] {
  const { publishedNs, receivedNs, sourceNs, status, type } = change;
  const times = [publishedNs, receivedNs, sourceNs].map((ns) => (ns === 0n ? "" : instant(ns)));
  const names = [unformulated(server), unformulated(key)];
  const rest = [builtInTypeName(type), unformulated(unit), statusName(status), String(status)];
  return [...times, ...names, csvValue(change), ...rest];
}

/** By hand, because 64-bit integers are written with all their digits. Times are nanoseconds since 1970 UTC, 0 for none. */
export const jsonLines: ChangeFormat = {
  line: (change, { server, key, unit }) => {
    const { publishedNs, receivedNs, sourceNs, status, type, sequence } = change;
    return (
      `{"publishedNs":${publishedNs},"receivedNs":${receivedNs},"sourceNs":${sourceNs},` +
      `"server":${JSON.stringify(server)},"key":${JSON.stringify(key)},"value":${valueToJson(change)},` +
      `"type":"${builtInTypeName(type)}","unit":${JSON.stringify(unit)},` +
      `"status":"${statusName(status)}","statusCode":${status}${sequence === undefined ? "" : `,"sequence":${sequence}`}}`
    );
  },
};

/** With microseconds: changes of one poll are closer than a millisecond. */
export function instant(ns: bigint): string {
  const milliseconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, -1);
  return `${milliseconds}${String((ns / 1000n) % 1000n).padStart(3, "0")}Z`;
}

function csvLine(fields: readonly string[]): string {
  return stringify([fields], { record_delimiter: "" });
}

/** A text as it is; of other types what the document would show. */
function csvValue(change: TimedValue): string {
  if (change.value === null) return "";
  const json = valueToJson(change);
  return json.startsWith('"') ? unformulated(JSON.parse(json) as string) : json;
}

/** A spreadsheet must not take a text that comes from the plant for a formula. */
function unformulated(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}
