// From what clients took in turns to the rows of a table: medians, ratios to ours, verdicts.

import type { Performance, PollCost } from "./contest.ts";
import { quantile } from "./report.ts";

export interface Target {
  readonly figure: keyof PollCost;
  readonly atMost: number;
}

export interface Row extends PollCost {
  readonly name: string;
  readonly what: string;
  readonly version: string;
  readonly residentMiB: number;
  readonly polls: number;
  /** The median of the rounds' ratios to the first row; ratios within a round share what else the machine did. */
  readonly times: PollCost;
  readonly target?: Target;
  readonly verdict?: Verdict;
}

export type Verdict = "met" | "missed";

const figures = ["wallMs", "cpuMs"] as const;

/** The first of the performances is ours. */
export function compareWithFirst(
  performances: readonly Performance[],
  targets: ReadonlyMap<string, Target | undefined>,
): readonly Row[] {
  const ours = performances[0]?.turns ?? [];
  return performances.map(({ turns, ...performance }) => {
    const medians = both((figure) =>
      quantile(
        turns.map((turn) => turn[figure]),
        0.5,
      ),
    );
    const times = both((figure) =>
      quantile(
        turns.map((turn, round) => turn[figure] / (ours[round]?.[figure] ?? Number.NaN)),
        0.5,
      ),
    );
    const target = targets.get(performance.name);
    const judged = target === undefined ? {} : { target, verdict: verdict(medians[target.figure], target.atMost) };
    return { ...performance, ...medians, times, ...judged };
  });
}

export function verdict(figure: number, atMost: number): Verdict {
  return figure <= atMost ? "met" : "missed";
}

function both(figureOf: (figure: keyof PollCost) => number): PollCost {
  const [wallMs, cpuMs] = figures.map(figureOf) as [number, number];
  return { wallMs, cpuMs };
}
