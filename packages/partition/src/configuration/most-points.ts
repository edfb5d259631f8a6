// How many points a configuration may have. A slip of the keyboard, a quantity with a digit too many, must not fill the memory.

import type { Findings } from "./problem.ts";

export const mostPoints = 1_000_000;

/** True, with an error in the findings, for more points than one service reads. Quantities are counted out. */
export function isTooMany(count: number, what: "values" | "nodes", findings: Findings): boolean {
  if (count <= mostPoints) return false;
  findings.error(
    1,
    `the configuration asks for ${count} ${what}; the limit is ${mostPoints}: split it between two partitions (--prefix)`,
  );
  return true;
}
