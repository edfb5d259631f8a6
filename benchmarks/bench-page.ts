// What one run of bench.ts found as a page: Markdown that is a table in a terminal, too.

import { verdict, type Row, type Target } from "./comparison.ts";
import type { Cost } from "./cost-per-value.ts";
import { rounded, type Told } from "./report.ts";

export interface Found {
  readonly contests: readonly { readonly title: string; readonly rows: readonly Row[] }[];
  readonly answers: readonly Told[];
  readonly costs: readonly Cost[];
  /** Machine, commit, load, date. */
  readonly how: string;
}

export function benchPage({ contests, answers, costs, how }: Found): string {
  const parts = [how];
  if (contests.length > 0) parts.push(clientsTable(contests));
  if (answers.length > 0) parts.push(answersTable(answers));
  if (costs.length > 0) parts.push(costsTable(costs));
  return parts.join("\n\n");
}

function clientsTable(contests: Found["contests"]): string {
  const head = ["one poll", "ms", "ours = 1", "CPU ms", "ours = 1", "memory, MiB", "target", "verdict"];
  const rows = contests.flatMap(({ title, rows: clients }) =>
    [[`_${title}_`, "", "", "", "", "", "", ""]].concat(clients.map(clientCells)),
  );
  return markdownTable(head, rows);
}

function clientCells(row: Row): string[] {
  return [
    row.version === "" ? row.what : `${row.what} (${row.version})`,
    rounded(row.wallMs),
    rounded(row.times.wallMs),
    rounded(row.cpuMs),
    rounded(row.times.cpuMs),
    row.residentMiB.toFixed(0),
    row.target === undefined ? "" : targetText(row.target),
    row.verdict ?? "",
  ];
}

function targetText({ figure, atMost }: Target): string {
  return `${atMost} ms${figure === "cpuMs" ? " CPU" : ""}`;
}

function answersTable(answers: readonly Told[]): string {
  const rows = answers.flatMap(({ lines }) =>
    lines.map(({ what, figure, atMost }) => [
      what,
      rounded(figure),
      atMost === undefined ? "" : String(atMost),
      atMost === undefined ? "" : verdict(Number(figure), atMost),
    ]),
  );
  return markdownTable(["how regular, how soon", "figure", "target", "verdict"], rows);
}

function costsTable(costs: readonly Cost[]): string {
  const rows = costs.map(({ panel, series, count, usPerValue, residentMiB }) => [
    `${series}, ${count.toLocaleString("en")} ${panel === "values" ? "values" : `${count === 1 ? "server" : "servers"} of 10 values`} each second`,
    rounded(usPerValue),
    residentMiB.toFixed(0),
  ]);
  return markdownTable(["a whole partition", "CPU µs per value", "memory, MiB"], rows);
}

/** The first column is text, the others are figures or short words. */
function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, 3, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}
