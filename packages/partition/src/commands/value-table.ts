// Tables for a terminal: connections with their cycle times, and rows of points. No line is wider than the screen.

import Table from "cli-table3";
import { ConnectionState } from "@cpc-partition/image/layout";
import { ageText } from "@cpc-partition/process/age-text";
import type { PointRow, TakenBank } from "./point-rows.ts";
import { terminalLine } from "@cpc-partition/process/terminal-text";

export const connectionNames: Readonly<Record<ConnectionState, string>> = {
  [ConnectionState.waiting]: "waiting",
  [ConnectionState.connecting]: "connecting",
  [ConnectionState.connected]: "connected",
  [ConnectionState.lost]: "not connected",
  [ConnectionState.stopped]: "stopped",
};

const borderNames = [
  "top",
  "top-mid",
  "top-left",
  "top-right",
  "bottom",
  "bottom-mid",
  "bottom-left",
  "bottom-right",
].concat(["left", "left-mid", "mid", "mid-mid", "right", "right-mid"]);

/** A table without lines. Whoever fills it makes the texts safe: a cell must not begin a line. */
export function plainTable(head: string[], widths: number[] = []): Table.Table {
  return new Table({
    head,
    colWidths: widths,
    chars: { ...Object.fromEntries(borderNames.map((name) => [name, ""])), middle: " " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
}

export function connectionTable(banks: readonly TakenBank[], columns: number): string {
  const widths = [20, 13, 8, 10];
  const table = plainTable(
    ["Server", "Connection", "Cycle", "Poll"].concat("Last error"),
    widths.concat(rest(widths, columns)),
  );
  for (const { bank, error } of banks) {
    const { connection, cycle, durationNs } = bank.state;
    const poll = `${(Number(durationNs) / 1e6).toFixed(2)} ms`;
    const shown = connection === ConnectionState.connected ? "" : terminalLine(error);
    const name = `${bank.server.alias} ${bank.group.name}`.trimEnd();
    table.push([terminalLine(name), connectionNames[connection], String(cycle), poll, shown]);
  }
  return table.toString();
}

export function pointTable(rows: readonly PointRow[], columns: number): string {
  const wide = columns >= 132;
  const widths = wide ? [22, 44, 0, 10, 26, 7] : [12, 27, 0, 6, 12, 6];
  widths[2] = Math.max(10, rest(widths, columns));
  const table = plainTable(["Server", "Point", "Value", "Unit", "Status", "Age"], widths);
  for (const { server, point, value, unit, status, ageMs } of rows) {
    table.push([server, point, value, unit, status, ageText(ageMs)]);
  }
  return table.toString();
}

/** What the given columns, each with a blank behind it, leave of the screen. */
function rest(widths: readonly number[], columns: number): number {
  return Math.max(8, columns - widths.reduce((sum, width) => sum + width + 1, 0));
}
