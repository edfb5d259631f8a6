// The points of all images as rows for people: names, text of the value, unit, status, age. Pure but for looking at the images.

import { enumeratedText } from "@cpc-partition/image/values/enumeration";
import { statusName } from "@cpc-partition/image/values/status-name";
import type { Value } from "@cpc-partition/image/values/value";
import type { BankReader } from "@cpc-partition/image/bank-reader";
import type { ImageReader } from "@cpc-partition/image/image-reader";
import { inServerOrder } from "@cpc-partition/image/server-order";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface PointRow {
  readonly server: string;
  readonly point: string;
  readonly value: string;
  readonly unit: string;
  readonly status: string;
  /** Since the last answer about this point came, good or bad; undefined before the first. */
  readonly ageMs: number | undefined;
}

export const sortOrders = ["configuration", "server", "point", "status", "age"] as const;
export type SortOrder = (typeof sortOrders)[number];

/** A group's last poll, and its server's last failure. */
export interface TakenBank {
  readonly bank: BankReader;
  readonly error: string;
}

/** One bank for each group of each image; a group whose writer was too fast this time is left out. */
export function takeBanks(images: readonly ImageReader[]): readonly TakenBank[] {
  return images.flatMap((image) =>
    image.directory.groups.flatMap(({ index, serverIndex }) => {
      const bank = image.snapshot(index);
      return bank === undefined ? [] : [{ bank, error: image.serverState(serverIndex)?.error ?? "" }];
    }),
  );
}

export function rowsOf(bank: BankReader, nowMs: number): readonly PointRow[] {
  return bank.points.map((_, index) => rowOf(bank, index, nowMs));
}

/** `index`: of a point in its group. */
export function rowOf(bank: BankReader, index: number, nowMs: number): PointRow {
  const { alias } = bank.server;
  const { key = "", unit = "", enumeration } = bank.points[index] ?? {};
  const { status, receivedNs, ...value } = bank.reading(index);
  return {
    server: terminalLine(alias),
    point: terminalLine(key.startsWith(`${alias}: `) ? key.slice(alias.length + 2) : key),
    value: terminalLine(valueText(value, enumeration)),
    unit: terminalLine(unit),
    status: statusName(status),
    ageMs: receivedNs === 0n ? undefined : Math.max(0, nowMs - Number(receivedNs / 1_000_000n)),
  };
}

/** The points of each server in the order of the configuration. */
export function orderedRows(banks: readonly TakenBank[], nowMs: number): readonly PointRow[] {
  const rows: PointRow[] = [];
  for (const taken of Map.groupBy(banks, ({ bank }) => bank.server).values()) {
    const groups = taken.map(({ bank }) => bank);
    const rowsOfGroups = groups.map((bank) => rowsOf(bank, nowMs));
    inServerOrder(groups, (group, index) => rows.push(...(rowsOfGroups[group]?.slice(index, index + 1) ?? [])));
  }
  return rows;
}

/** The number of an enumeration with its text: "1 Running". */
function valueText(value: Value, enumeration: string | undefined): string {
  const text = enumeratedText(enumeration, value);
  if (text !== undefined) return `${valueToJson(value)} ${text}`;
  const isFraction = typeof value.value === "number" && !Number.isInteger(value.value) && Number.isFinite(value.value);
  return isFraction ? String(Number(value.value.toPrecision(7))) : valueToJson(value);
}
