// What differs between the configuration of one server and the real one: connects once, reads every point a few times, and disconnects.
//
// Promises: an answer when the signal aborts at the latest, and nothing left at the server. A difference is what makes `run` show no value,
// another one than was meant, or an old one. Not: what the values should be.

import { builtInTypeName, BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isBad } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import type { Value } from "@cpc-partition/image/values/value";
import type { MonotonicClock } from "@cpc-partition/process/schedule";
import { ComparedGroup } from "./compared-group.ts";
import { ServerError } from "./server-error.ts";
import type { Session, Source, UnmetWish } from "./source.ts";

export type DifferenceKind =
  | "not connected"
  | "refused security"
  | "unfinished"
  | "no value"
  | "other type"
  | "other name"
  | "odd value"
  | "slow"
  | "not supported";

export interface ComparedPoint {
  readonly key: string;
  /** Where it is in its server. */
  readonly source: string;
  /** The odd value, the other type or name. */
  readonly found?: string;
}

export interface Difference {
  readonly kind: DifferenceKind;
  /** What differs, why, and what to do where that is known. */
  readonly message: string;
  /** Empty when it concerns the server as a whole. */
  readonly points: readonly ComparedPoint[];
}

export interface ComparedServer {
  readonly server: string;
  readonly points: number;
  readonly pointsWithValue: number;
  readonly groups: readonly {
    readonly intervalMs: number;
    readonly points: number;
    /** Of the quickest poll, since the first ones teach what a server refuses; null: none was completed. */
    readonly pollMs: number | null;
  }[];
  readonly differences: readonly Difference[];
}

/** A device shows a number with its words in the wrong order as one that is nearly 0, or beyond all measures. */
const smallestPlausible = 1e-20;
const largestPlausible = 1e20;

/** `intervalMs`: of groups that have none of their own. `oddValueAdvice`: what to do about a value that nobody can have meant. */
export async function compareSource(
  source: Source,
  { intervalMs, oddValueAdvice }: { readonly intervalMs: number; readonly oddValueAdvice: string },
  signal: AbortSignal,
  clock: MonotonicClock,
): Promise<ComparedServer> {
  const expected = source.points;
  const finished = new AbortController();
  const both = AbortSignal.any([signal, finished.signal]);
  const groups = source.groups.map((group) => new ComparedGroup(group.points, clock, endWhenAllAreDone));
  function endWhenAllAreDone(): void {
    if (groups.every(({ isDone }) => isDone)) finished.abort();
  }
  const failures: unknown[] = [];
  let session: Session | undefined;
  try {
    session = await source.connect(signal);
    await session.run({ groups, alive: () => {}, failed: (error) => failures.push(error) }, both);
  } catch (error) {
    if (!both.aborted) failures.push(error);
  }
  let unmet: readonly UnmetWish[] = [];
  try {
    if (finished.signal.aborted) unmet = (await session?.unmet?.(signal)) ?? [];
  } catch (error) {
    if (!signal.aborted) failures.push(error);
  }
  await session?.close();
  const differences = [
    ...failures.map((error) => failed(error)),
    ...(finished.signal.aborted || failures.length > 0 ? [] : [unfinished(session !== undefined)]),
    ...withoutValue(source, groups),
    ...described(expected, source),
    ...oddValues(source, groups, oddValueAdvice),
    ...slow(source, groups, intervalMs),
    ...unmet.map(({ message, points }) =>
      difference(
        "not supported",
        `${countOf(points.length)} with ${message}`,
        points.map((place) => pointAt(source, place)),
      ),
    ),
  ];
  return {
    server: source.alias,
    points: expected.length,
    pointsWithValue: groups.reduce((sum, group) => sum + group.values.size, 0),
    groups: groups.map((group, at) => ({
      intervalMs: source.groups[at]?.intervalMs ?? intervalMs,
      points: group.places.length,
      pollMs: group.quickestMs === undefined ? null : Math.round(group.quickestMs * 10) / 10,
    })),
    differences,
  };
}

function failed(error: unknown): Difference {
  const code = error instanceof ServerError ? error.code : undefined;
  const isRefusal = code === "SecurityRefused" || code === "IdentityRefused";
  const message = error instanceof Error ? error.message : String(error);
  return difference(isRefusal ? "refused security" : "not connected", message, []);
}

function unfinished(isConnected: boolean): Difference {
  const what = isConnected ? "every point was read" : "there was a connection";
  return difference("unfinished", `the time was over before ${what}; allow more with --within`, []);
}

function withoutValue(source: Source, groups: readonly ComparedGroup[]): readonly Difference[] {
  const bad = groups.flatMap((group) => [...group.statuses].filter(([, status]) => isBad(status)));
  const byStatus = Map.groupBy(bad, ([, status]) => statusName(status));
  return Array.from(byStatus, ([name, points]) => ({
    kind: "no value",
    message: `${countOf(points.length)} without a value: ${name}`,
    points: points.map(([place]) => pointAt(source, place)),
  }));
}

/** What the server says of its points otherwise than the configuration does. */
function described(expected: Source["points"], source: Source): readonly Difference[] {
  const types: ComparedPoint[] = [];
  const names: ComparedPoint[] = [];
  for (const [place, before] of expected.entries()) {
    const now = source.points[place] ?? before;
    // A Variant in the configuration leaves the type to the server.
    const isStated = before.type !== BuiltInType.Null && before.type !== BuiltInType.Variant;
    if (isStated && now.type !== BuiltInType.Null && now.type !== before.type)
      types.push({
        ...pointAt(source, place),
        found: `${builtInTypeName(now.type)} instead of ${builtInTypeName(before.type)}`,
      });
    const { isSettled = false, reported } = now.name ?? {};
    if (isSettled && reported !== undefined && reported !== now.key)
      names.push({ ...pointAt(source, place), found: `${reported} instead of ${now.key}` });
  }
  return [
    ...(types.length === 0
      ? []
      : [
          difference(
            "other type",
            `${countOf(types.length)} of another type; values have the type of the server`,
            types,
          ),
        ]),
    ...(names.length === 0
      ? []
      : [
          difference("other name", `${countOf(names.length)} with another browse name; keys stay as configured`, names),
        ]),
  ];
}

function oddValues(source: Source, groups: readonly ComparedGroup[], advice: string): readonly Difference[] {
  const odd = groups.flatMap((group) =>
    [...group.values].flatMap(([place, value]) =>
      isOdd(value) ? [{ ...pointAt(source, place), found: Number(value.value).toPrecision(4) }] : [],
    ),
  );
  return odd.length === 0
    ? []
    : [difference("odd value", `${countOf(odd.length)} with a value that is hardly meant; ${advice}`, odd)];
}

/** Of numbers with a fraction only: every bit pattern of an integer may be meant. */
function isOdd({ type, value }: Value): boolean {
  if ((type !== BuiltInType.Float && type !== BuiltInType.Double) || typeof value !== "number" || value === 0)
    return false;
  const size = Math.abs(value);
  return !(size >= smallestPlausible && size <= largestPlausible);
}

function slow(source: Source, groups: readonly ComparedGroup[], serviceIntervalMs: number): readonly Difference[] {
  return groups.flatMap(({ quickestMs = 0, places }, at) => {
    const intervalMs = source.groups[at]?.intervalMs ?? serviceIntervalMs;
    if (quickestMs <= intervalMs) return [];
    const message =
      `reading ${countOf(places.length)} takes ${Math.ceil(quickestMs)} ms, which is longer than their interval of ${intervalMs} ms; ` +
      "lengthen <interval>, or split the points between several intervals";
    return [difference("slow", message, [])];
  });
}

function difference(kind: DifferenceKind, message: string, points: readonly ComparedPoint[]): Difference {
  return { kind, message, points };
}

function pointAt(source: Source, place: number): ComparedPoint {
  const { key = "", source: where = "" } = source.points[place] ?? {};
  return { key, source: where };
}

function countOf(points: number): string {
  return points === 1 ? "1 point" : `${points} points`;
}
