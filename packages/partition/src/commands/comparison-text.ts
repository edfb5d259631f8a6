// The report of `check --against`: text for a person who files it, JSON for programs.

import { terminalLine } from "@cpc-partition/process/terminal-text";
import type { ComparedPoint, Difference } from "../sources/compare-source.ts";
import type { Compared } from "./compare-in-threads.ts";

export interface ReportHead {
  readonly files: readonly string[];
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly version: string;
}

/** Of one difference; JSON has all. */
const mostPoints = 20;

export function* comparisonLines({ files, at, version }: ReportHead, servers: readonly Compared[]): Iterable<string> {
  yield terminalLine(`${files.join(", ")} compared with the real servers at ${at} by cpc ${version}`);
  for (const server of servers) {
    yield "";
    yield terminalLine(headline(server));
    for (const difference of server.differences) yield* differenceLines(difference);
    for (const remark of server.remarks) yield terminalLine(`  note: ${remark}`);
  }
  const different = servers.filter(({ differences }) => differences.length > 0).length;
  yield "";
  yield `${countOf(servers.length, "server")}: ${servers.length - different} as configured, ${different} with differences`;
}

function headline({ service, server, points, pointsWithValue, groups, differences }: Compared): string {
  const verdict = differences.length === 0 ? "as configured" : countOf(differences.length, "difference");
  const polls = groups.flatMap(({ pollMs, intervalMs }) =>
    pollMs === null ? [] : [`${Math.ceil(pollMs)} ms of ${intervalMs} ms`],
  );
  const taken = polls.length === 0 ? "" : `, a poll takes ${polls.join(" and ")}`;
  return `${service} ${server}: ${verdict}; ${pointsWithValue} of ${countOf(points, "point")} with a value${taken}`;
}

function* differenceLines({ kind, message, points }: Difference): Iterable<string> {
  yield terminalLine(`  ${kind}: ${message}`);
  for (const point of points.slice(0, mostPoints)) yield terminalLine(`    ${pointText(point)}`);
  if (points.length > mostPoints) yield `    and ${points.length - mostPoints} others, which --json lists`;
}

function pointText({ key, source, found }: ComparedPoint): string {
  return `${key} (${source})${found === undefined ? "" : `: ${found}`}`;
}

function countOf(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** One object. */
export function* comparisonJson(head: ReportHead, servers: readonly Compared[]): Iterable<string> {
  yield JSON.stringify({ ...head, servers }, undefined, 2);
}
