// The live table: connections with their cycle times, and the values, as much of it as the terminal has lines.

import Table from "cli-table3";
import { isGood } from "../point/status-code.ts";
import type { Value } from "../point/value.ts";
import type { BankReader } from "../process-image/bank-reader.ts";
import type { ImageReader } from "../process-image/image-reader.ts";
import { ConnectionState } from "../process-image/layout.ts";
import { valueToJson } from "../shared-memory/value-json.ts";

export interface Screen {
  readonly columns: number;
  readonly rows: number;
}

const connectionNames: Readonly<Record<ConnectionState, string>> = {
  [ConnectionState.waiting]: "waiting",
  [ConnectionState.connecting]: "connecting",
  [ConnectionState.connected]: "connected",
  [ConnectionState.lost]: "not connected",
  [ConnectionState.stopped]: "stopped",
};

const borderless = {
  chars: Object.fromEntries(
    [
      "top",
      "top-mid",
      "top-left",
      "top-right",
      "bottom",
      "bottom-mid",
      "bottom-left",
      "bottom-right",
      "left",
      "left-mid",
    ]
      .concat(["mid", "mid-mid", "right", "right-mid"])
      .map((name) => [name, ""]),
  ),
  style: { head: ["bold"], border: [], "padding-left": 0, "padding-right": 1 },
};

/** Lines of text, none wider than the screen. */
export function renderTable(images: readonly ImageReader[], screen: Screen): string {
  const banks = images.flatMap((image) => image.directory.servers.flatMap((_, index) => image.snapshot(index) ?? []));
  const connections = connectionTable(banks, screen.columns);
  const rowsLeft = screen.rows - banks.length - 5;
  return `${connections}\n\n${pointTable(banks, Math.max(3, rowsLeft), screen.columns)}`;
}

function connectionTable(banks: readonly BankReader[], columns: number): string {
  const widths = [20, 15, 9, 12, Math.max(10, columns - 60)];
  const table = new Table({
    ...borderless,
    head: ["Server", "Connection", "Cycle", "Poll", "Last error"],
    colWidths: widths,
  });
  for (const bank of banks) {
    const { connection, cycle, durationNs, error } = bank.state;
    table.push([
      bank.server.alias,
      connectionNames[connection],
      String(cycle),
      `${(Number(durationNs) / 1e6).toFixed(2)} ms`,
      printable(error),
    ]);
  }
  return table.toString();
}

function pointTable(banks: readonly BankReader[], rows: number, columns: number): string {
  const valueWidth = Math.max(18, columns - 58);
  const table = new Table({
    ...borderless,
    head: ["Point", "Value", "Unit", "Status"],
    colWidths: [36, valueWidth, 8, 12],
  });
  // Every server gets its share of the lines; what one does not need the next may use.
  let left = rows;
  let isCut = false;
  for (const [index, bank] of banks.entries()) {
    const share = Math.min(bank.server.points.length, Math.ceil(left / (banks.length - index)));
    for (let point = 0; point < share; point++) table.push(pointRow(bank, point));
    left -= share;
    isCut ||= share < bank.server.points.length;
  }
  return isCut ? `${table.toString()}\n...` : table.toString();
}

function pointRow(bank: BankReader, index: number): string[] {
  const { key = "", unit = "" } = bank.server.points[index] ?? {};
  const status = bank.status(index);
  const statusText = isGood(status) ? "Good" : `0x${status.toString(16).padStart(8, "0")}`;
  return [printable(key), printable(valueText(bank.value(index))), printable(unit), statusText];
}

function valueText(value: Value): string {
  return typeof value.value === "number" && !Number.isInteger(value.value)
    ? value.value.toPrecision(7)
    : valueToJson(value);
}

/** Names and texts come from files and servers: nothing in them may steer the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}
