// Points that ask for the same key: which they are, for `check`, and what the log says of them, once for each server.

import type { Location } from "./configuration.ts";
import { lineIn, quote, type Findings } from "./problem.ts";

export interface NamedValue {
  /** Alias. */
  readonly server: string;
  readonly location: Location;
  readonly place: string;
  /** The plain key. */
  readonly wanted: string;
  readonly key: string;
}

export type ContestedKey = NamedValue;

/** Of every key that several ask for, or that one cannot have, those who ask, in their order. */
export function contestedKeysOf(values: readonly NamedValue[]): readonly ContestedKey[] {
  const lost = new Set(values.filter(({ key, wanted }) => key !== wanted).map(({ wanted }) => wanted));
  return values.filter(({ key, wanted }) => lost.has(wanted) || lost.has(key));
}

/** For `check`: every key that several points ask for, with who gets it. */
export function contestedLines(contested: readonly ContestedKey[]): readonly string[] {
  const [first] = contested;
  if (first === undefined) return [];
  const lines = contested.map(
    ({ wanted, key, place, location }) =>
      `  ${quote(wanted)} ${lineIn(location, first.location.file)}, ${place}: ${key === wanted ? "has it" : `is ${JSON.stringify(key)}`}`,
  );
  return ["keys that several points ask for:", ...lines];
}

export function warnOfContestedKeys(contested: readonly ContestedKey[], findings: Findings): void {
  const holders = new Map(contested.map((value) => [value.key, value]));
  const losers = Map.groupBy(
    contested.filter(({ key, wanted }) => key !== wanted),
    ({ server }) => server,
  );
  for (const [server, [example, ...others]] of losers) {
    if (example === undefined) continue;
    const holder = holders.get(example.wanted);
    const has =
      holder === undefined
        ? "is the key of a connection"
        : `is ${holder.place} (${lineIn(holder.location, example.location.file)})`;
    const count = others.length + 1;
    const many = count === 1 ? "1 value" : `${count} values`;
    findings
      .in(example.location.file)
      .warn(
        example.location.line,
        `${many} of ${quote(server)} cannot have the key of the name, because another value has it: ${quote(example.wanted)} ${has}, and ` +
          `${example.place} is ${quote(example.key)}; give each endpoint a name of its own (of equal names the last has the key; ` +
          `"cpc check" lists all)`,
      );
  }
}
