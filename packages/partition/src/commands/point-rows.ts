// The points of all images as rows for people: names, text of the value, unit, status, age. Pure but for looking at the images.

import { isGood } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import type { Value } from "@cpc-partition/image/values/value";
import type { BankReader } from "@cpc-partition/image/bank-reader";
import type { ImageReader } from "@cpc-partition/image/image-reader";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface PointRow {
  readonly server: string;
  readonly point: string;
  readonly value: string;
  readonly unit: string;
  /** What the server knows it as, and what the configuration says of it: found by the filter. */
  readonly source: string;
  readonly description: string;
  readonly status: string;
  readonly isGood: boolean;
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
  const { alias } = bank.server;
  return bank.points.map(({ key, unit, source, description }, index) => {
    const { status, receivedNs, ...value } = bank.reading(index);
    return {
      server: terminalLine(alias),
      point: terminalLine(key.startsWith(`${alias}: `) ? key.slice(alias.length + 2) : key),
      value: terminalLine(valueText(value)),
      unit: terminalLine(unit),
      source: terminalLine(source),
      description: terminalLine(description),
      status: statusName(status),
      isGood: isGood(status),
      ageMs: receivedNs === 0n ? undefined : Math.max(0, nowMs - Number(receivedNs / 1_000_000n)),
    };
  });
}

/** Keeps the rows that have the text in server, point, status, source or description; upper and lower case are alike. */
export function filterRows(rows: readonly PointRow[], text: string): readonly PointRow[] {
  const wanted = text.toLocaleLowerCase();
  return rows.filter(({ server, point, status, source, description }) =>
    `${server} ${point} ${status} ${source} ${description}`.toLocaleLowerCase().includes(wanted),
  );
}

export function sortRows(rows: readonly PointRow[], order: SortOrder): readonly PointRow[] {
  switch (order) {
    case "configuration":
      return rows;
    case "age":
      return rows.toSorted((a, b) => (b.ageMs ?? Infinity) - (a.ageMs ?? Infinity));
    case "status": // what is not good comes first
      return rows.toSorted((a, b) => Number(a.isGood) - Number(b.isGood) || a.status.localeCompare(b.status));
    default:
      return rows.toSorted((a, b) => a[order].localeCompare(b[order]));
  }
}

function valueText(value: Value): string {
  const isFraction = typeof value.value === "number" && !Number.isInteger(value.value) && Number.isFinite(value.value);
  return isFraction ? String(Number(value.value.toPrecision(7))) : valueToJson(value);
}
