// The points of `check --points`: a line each for people, and JSON for programs.

import { terminalLine } from "@cpc-partition/process/terminal-text";
import { intervalWords } from "../configuration/plan-words.ts";
import type { PlannedPoint } from "../protocols/configuration-format.ts";
import type { ServiceReport } from "./check-configurations.ts";

/** Of each point that is as wide as its widest cell, which one long text must not make of all. */
const widestCell = 60;

const head = ["key", "request", "address or node", "type", "unit", "interval"];

/** Columns with a head; none without points. */
export function* pointLines(points: readonly PlannedPoint[]): Iterable<string> {
  if (points.length === 0) return;
  const widths = head.map((title) => title.length);
  for (const point of points)
    for (const [column, cell] of cells(point).entries())
      widths[column] = Math.max(widths[column] ?? 0, Math.min(cell.length, widestCell));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  yield line(head);
  for (const point of points) yield line(cells(point));
}

function cells({ server, key, request, source, type, unit, intervalMs }: PlannedPoint): readonly string[] {
  const own = key.startsWith(`${server}: `) ? key : `${server}: ${key}`;
  return [own, request, source, type, unit, intervalWords(intervalMs)].map((cell) => terminalLine(cell));
}

/** One array, a point on a line, with "intervalMs" null for the interval of the service. */
export function* pointsJson(services: readonly ServiceReport[]): Iterable<string> {
  yield "[";
  let last: string | undefined;
  for (const { service, points } of services)
    for (const { server, key, request, source, type, unit, intervalMs = null } of points) {
      if (last !== undefined) yield `${last},`;
      last = JSON.stringify({ service, server, key, request, source, type, unit, intervalMs });
    }
  if (last !== undefined) yield last;
  yield "]";
}
