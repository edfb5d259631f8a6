// The lines of `cpc watch`: servers above, points below, or the detail of one point. Pure: texts of servers are made safe here, colours come
// from `paint`.

import { ConnectionState } from "@cpc-partition/image/layout";
import { wayToImage } from "@cpc-partition/documents/overall-health";
import { isBad, isGood } from "@cpc-partition/image/values/status-code";
import { ageText } from "@cpc-partition/process/age-text";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { invocation } from "@cpc-partition/process/invocation";
import { rowOf } from "../point-rows.ts";
import { connectionNames, plainTable } from "../value-table.ts";
import { firstRow, type Shown, type View } from "./view.ts";
import type { Look, WatchedPoint, WatchedServer } from "./watched-plant.ts";

export type Style = "bold" | "dim" | "red" | "yellow" | "green" | "inverse";
export type Paint = (style: Style, text: string) => string;

export interface ScreenSize {
  readonly columns: number;
  readonly rows: number;
}

export interface Screen {
  readonly lines: readonly string[];
  readonly shown: Shown;
}

/** Title, two heads, two blank lines, place and keys. */
const otherLines = 7;
const keysLine = "? help  / filter  s sort  Tab servers  Enter detail  q quit";

export function overview(
  look: Look,
  points: readonly WatchedPoint[],
  view: View,
  title: string,
  size: ScreenSize,
  paint: Paint,
): Screen {
  const { columns, rows } = size;
  const most = Math.max(1, Math.min(Math.floor(rows / 3) - 1, rows - otherLines - 1));
  const room = { servers: Math.min(look.servers.length, most), points: 1 };
  room.points = Math.max(1, rows - otherLines - room.servers);
  followDetail(view, points);
  const count = { servers: look.servers.length, points: points.length };
  for (const pane of ["servers", "points"] as const) {
    const row = view.rows[pane];
    row.chosen = Math.max(0, Math.min(row.chosen, count[pane] - 1));
    row.first = firstRow(row, room[pane], count[pane]);
  }
  const shownServers = look.servers.slice(view.rows.servers.first, view.rows.servers.first + room.servers);
  const shownPoints = points.slice(view.rows.points.first, view.rows.points.first + room.points);
  const markAt = (pane: "servers" | "points"): number =>
    view.pane === pane ? view.rows[pane].chosen - view.rows[pane].first : -1;
  const lines = [
    titleLine(look, title, columns, paint),
    ...serverLines(shownServers, markAt("servers"), columns, paint),
    "",
    ...pointLines(look, shownPoints, markAt("points"), columns, paint),
    "",
    cut(placeLine(look, view, shownServers.length, shownPoints.length, points.length), columns),
    paint("dim", cut(view.isTyping ? `filter: ${view.filter}_   Enter ends, Esc clears` : keysLine, columns)),
  ];
  return { lines, shown: { servers: look.servers, points, room } };
}

/** The point in detail stays the chosen one when rows change their order; without its row there is no detail. */
function followDetail(view: View, points: readonly WatchedPoint[]): void {
  const { detail } = view;
  if (detail === undefined) return;
  const isDetail = ({ service, described }: WatchedPoint): boolean =>
    described.key === detail.key && service === detail.service;
  const index = points.findIndex(isDetail);
  if (index === -1) view.detail = undefined;
  else view.rows.points.chosen = index;
}

function titleLine(look: Look, title: string, columns: number, paint: Paint): string {
  const lost = look.servers.filter(({ connection }) => connection === ConnectionState.lost).length;
  const summary = [
    counted(look.points.length, "point"),
    look.badPoints === 0 ? "none bad" : `${look.badPoints} bad`,
    lost === 0 ? "" : `${counted(lost, "server group")} not connected`,
  ].filter((part) => part !== "");
  const line = cut([title, summary.join(", ")].filter((part) => part !== "").join("   "), columns);
  if (look.silent.length > 0) {
    const warning = `No partition writes to ${look.silent.join(" and ")}: these are the last values. Start it with: ${invocation} run`;
    return paint("red", cut(warning, columns));
  }
  const [missing] = look.missing;
  if (missing !== undefined) {
    const { service, isStarting } = missing;
    const warning = `${service} has ${isStarting ? "no process image yet" : `NO PROCESS IMAGE: ${wayToImage}`}.`;
    return paint(isStarting ? "yellow" : "red", cut([warning, line].join(" "), columns));
  }
  return paint(look.badPoints + lost === 0 ? "bold" : "yellow", line);
}

function placeLine(look: Look, view: View, servers: number, points: number, all: number): string {
  const { first } = view.rows.points;
  const total = look.points.length === all ? `${all}` : `${all} (of ${look.points.length})`;
  const filter = view.filter === "" ? "" : `, filter "${terminalLine(view.filter)}"`;
  const hidden = look.servers.length - servers;
  const more = hidden > 0 ? `, ${counted(hidden, "more server group")}` : "";
  return `points ${points === 0 ? 0 : first + 1} to ${first + points} of ${total}, sorted by ${view.sort}${filter}${more}`;
}

function serverLines(
  servers: readonly WatchedServer[],
  mark: number,
  columns: number,
  paint: Paint,
): readonly string[] {
  const isNarrow = columns < 80;
  const widths = isNarrow ? [16, 13] : [20, 13, 8, 10];
  const heads = isNarrow
    ? ["Server", "Connection", "Last error"]
    : ["Server", "Connection", "Cycle", "Poll", "Last error"];
  const table = plainTable(heads, [...widths, rest(widths, columns)]);
  for (const { alias, group, connection, cycle, durationNs, error } of servers) {
    const isConnected = connection === ConnectionState.connected;
    const name = terminalLine(`${alias} ${group}`.trimEnd());
    const state = paint(styleOfConnection(connection), connectionNames[connection]);
    const figures = isNarrow ? [] : [String(cycle), `${(Number(durationNs) / 1e6).toFixed(2)} ms`];
    table.push([name, state, ...figures, isConnected ? "" : terminalLine(error)]);
  }
  return marked(linesOf(table.toString(), servers.length + 1), mark, paint);
}

function styleOfConnection(connection: ConnectionState): Style {
  if (connection === ConnectionState.connected) return "green";
  return connection === ConnectionState.lost ? "red" : "yellow";
}

function pointLines(
  look: Look,
  points: readonly WatchedPoint[],
  mark: number,
  columns: number,
  paint: Paint,
): readonly string[] {
  const columnsShown = columnsFor(columns);
  const widths = columnsShown.map(({ width }) => width);
  const value = columnsShown.findIndex(({ name }) => name === "Value");
  widths[value] = rest(widths.toSpliced(value, 1), columns);
  const table = plainTable(
    columnsShown.map(({ name }) => name),
    widths,
  );
  for (const point of points) {
    const bank = look.bankOf(point);
    if (bank === undefined) {
      table.push(columnsShown.map(({ name }) => (name === "Point" ? terminalLine(point.described.key) : "")));
      continue;
    }
    const row = rowOf(bank, point.index, look.nowMs);
    const cells: Readonly<Record<string, string>> = {
      Server: row.server,
      Point: row.point,
      Value: row.value,
      Unit: row.unit,
      Status: paint(styleOfStatus(bank.status(point.index)), row.status),
      Age: ageText(row.ageMs),
    };
    table.push(columnsShown.map(({ name }) => cells[name] ?? ""));
  }
  return marked(linesOf(table.toString(), points.length + 1), mark, paint);
}

export function styleOfStatus(status: number): Style {
  if (isGood(status)) return "green";
  return isBad(status) ? "red" : "yellow";
}

function columnsFor(columns: number): readonly { readonly name: string; readonly width: number }[] {
  const [server, point, unit, status] = columns >= 132 ? [22, 44, 10, 26] : [12, 27, 6, 12];
  if (columns >= 80) {
    return [
      { name: "Server", width: server },
      { name: "Point", width: point },
      { name: "Value", width: 0 },
      { name: "Unit", width: unit },
      { name: "Status", width: status },
      { name: "Age", width: 7 },
    ];
  }
  return [
    { name: "Point", width: Math.max(8, Math.floor(columns / 2) - 8) },
    { name: "Value", width: 0 },
    { name: "Status", width: 8 },
    { name: "Age", width: 7 },
  ];
}

/** As many lines as the table has rows: what is too long for a cell was cut. */
function linesOf(table: string, count: number): readonly string[] {
  return table.split("\n").slice(0, count);
}

/** The head is dim, the chosen row inverse. */
function marked(lines: readonly string[], mark: number, paint: Paint): readonly string[] {
  return lines.map((line, index) => {
    if (index === 0) return paint("dim", line);
    return index - 1 === mark ? paint("inverse", line) : line;
  });
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function cut(line: string, columns: number): string {
  return line.slice(0, columns);
}

/** What the given columns, each with a blank behind it, leave of the screen. */
function rest(widths: readonly number[], columns: number): number {
  return Math.max(8, columns - widths.reduce((sum, width) => sum + width + 1, 0));
}

/** `names` are those of the images. */
export function waitingLines(names: readonly string[]): readonly string[] {
  return [
    `Waiting for a partition: there is no ${names.join(" and no ")} in /dev/shm.`,
    `Start one with: ${invocation} run      q quits`,
    "Where one runs, its log says why it has not made them yet.",
  ];
}

export const helpLines = [
  "Up, Down, j, k      one row              PgUp, PgDn, Space   one page",
  "Home, End, g, G     first and last row",
  "Tab                 from the points to the servers and back",
  "Enter               detail of the point; of a server, its points",
  "Esc                 back; clears the filter",
  "/                   filter by key, server, address, description or status",
  "s                   sort by configuration, server, point, status or age",
  "q, Ctrl+C           quit",
  "",
  "Any key goes back.",
] as const;
