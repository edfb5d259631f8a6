// Where somebody is in the view of `cpc watch`, and what each key changes about it. Pure: the screen says afterwards what there was room for.

import { sortOrders, type SortOrder } from "../point-rows.ts";
import type { WatchedPoint, WatchedServer } from "./watched-plant.ts";

export type Pane = "servers" | "points";

export interface PointName {
  readonly service: string;
  readonly key: string;
}

export interface View {
  filter: string;
  /** True while the filter is being typed. */
  isTyping: boolean;
  sort: SortOrder;
  pane: Pane;
  /** Numbers of the chosen row and of the first one on the screen. */
  readonly rows: Readonly<Record<Pane, { chosen: number; first: number }>>;
  /** The point whose detail is shown, by service and key: it stays the same over reloads. */
  detail: PointName | undefined;
  isHelp: boolean;
}

/** What the last screen had to choose from, and how many rows it had room for. */
export interface Shown {
  readonly servers: readonly WatchedServer[];
  readonly points: readonly WatchedPoint[];
  readonly room: Readonly<Record<Pane, number>>;
}

export const nothingShown: Shown = { servers: [], points: [], room: { servers: 1, points: 1 } };

/** A key as `readline` names it. */
export interface PressedKey {
  readonly name?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

export function newView(filter: string, sort: SortOrder): View {
  const rows = { servers: { chosen: 0, first: 0 }, points: { chosen: 0, first: 0 } };
  return { filter, isTyping: false, sort, pane: "points", rows, detail: undefined, isHelp: false };
}

/** False: the key asks for the end. `text`: what the key writes. */
export function press(view: View, text: string, key: PressedKey, shown: Shown): boolean {
  if (key.ctrl === true && key.name === "c") return false;
  if (view.isTyping) type(view, text, key);
  else if (text === "q") return false;
  else if (view.isHelp) view.isHelp = false;
  else if (text === "?") view.isHelp = true;
  else if (key.name === "escape") goBack(view);
  else if (text === "/") Object.assign(view, { isTyping: true, detail: undefined, pane: "points" });
  else if (text === "s") view.sort = sortOrders[(sortOrders.indexOf(view.sort) + 1) % sortOrders.length] ?? view.sort;
  else if (key.name === "tab") view.pane = view.pane === "points" ? "servers" : "points";
  else if (key.name === "return" || key.name === "enter") choose(view, shown);
  else move(view, text, key, shown);
  return true;
}

function type(view: View, text: string, key: PressedKey): void {
  if (key.name === "return" || key.name === "enter") view.isTyping = false;
  else if (key.name === "escape") setFilter(Object.assign(view, { isTyping: false }), "");
  else if (key.name === "backspace") setFilter(view, view.filter.slice(0, -1));
  else if (!/\p{Cc}/u.test(text)) setFilter(view, view.filter + text);
}

/** Goes to the first row that it leaves. */
function setFilter(view: View, filter: string): void {
  view.filter = filter;
  Object.assign(view.rows.points, { chosen: 0, first: 0 });
}

function goBack(view: View): void {
  if (view.detail !== undefined) view.detail = undefined;
  else setFilter(view, "");
}

/** Of a point its detail, of a server its points. */
function choose(view: View, shown: Shown): void {
  if (view.detail !== undefined) view.detail = undefined;
  else if (view.pane === "points") view.detail = chosenPoint(view, shown.points);
  else {
    setFilter(view, shown.servers[view.rows.servers.chosen]?.alias ?? "");
    view.pane = "points";
  }
}

function chosenPoint({ rows }: View, points: readonly WatchedPoint[]): PointName | undefined {
  const point = points[rows.points.chosen];
  return point === undefined ? undefined : { service: point.service, key: point.described.key };
}

function move(view: View, text: string, key: PressedKey, shown: Shown): void {
  const pane = view.detail === undefined ? view.pane : "points";
  const row = view.rows[pane];
  const step = stepOf(text, key, shown.room[pane]);
  row.chosen = Math.max(0, Math.min(row.chosen + step, shown[pane].length - 1));
  row.first = firstRow(row, shown.room[pane], shown[pane].length);
  if (view.detail !== undefined) view.detail = chosenPoint(view, shown.points);
}

function stepOf(text: string, { name }: PressedKey, page: number): number {
  if (name === "up" || text === "k") return -1;
  if (name === "down" || text === "j") return 1;
  if (name === "pageup") return -page;
  if (name === "pagedown" || name === "space") return page;
  if (name === "home" || text === "g") return -Infinity;
  return name === "end" || text === "G" ? Infinity : 0;
}

/** The first row to be shown, so that the chosen one is among them and no line stays empty. */
export function firstRow(
  row: { readonly chosen: number; readonly first: number },
  room: number,
  count: number,
): number {
  const least = Math.max(0, row.chosen - room + 1);
  const most = Math.min(row.chosen, Math.max(0, count - room));
  return Math.max(least, Math.min(row.first, Math.max(most, least)));
}
