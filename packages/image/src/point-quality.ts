// How good the points of a server are: how many are bad or uncertain, and by which status codes.

import { isBad, isGood } from "./values/status-code.ts";
import { statusName } from "./values/status-name.ts";
import type { BankReader } from "./bank-reader.ts";

export interface PointQuality {
  readonly points: number;
  readonly pointsBad: number;
  readonly pointsUncertain: number;
  /** Points by the name of their status, the most frequent first; only what is not good. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** Of the points in all the banks. */
export function qualityOf(banks: readonly BankReader[]): PointQuality {
  const counts = new Map<number, number>();
  for (const bank of banks) {
    for (const index of bank.points.keys()) {
      const status = bank.status(index);
      if (!isGood(status)) counts.set(status, (counts.get(status) ?? 0) + 1);
    }
  }
  const ordered = [...counts].toSorted(([, one], [, other]) => other - one);
  const sum = (some: (status: number) => boolean): number =>
    ordered.reduce((total, [status, count]) => total + (some(status) ? count : 0), 0);
  const statuses: Record<string, number> = {};
  // Codes that differ in their lower half only have one name.
  for (const [status, count] of ordered) statuses[statusName(status)] = (statuses[statusName(status)] ?? 0) + count;
  return {
    points: banks.reduce((total, { points }) => total + points.length, 0),
    pointsBad: sum(isBad),
    pointsUncertain: sum((status) => !isBad(status)),
    statuses,
  };
}

const mostNamed = 3;

/** "12 of 240 points bad: 10 BadNoData, 2 BadTimeout"; undefined when all are good. */
export function qualityText({ points, pointsBad, pointsUncertain, statuses }: PointQuality): string | undefined {
  if (pointsBad + pointsUncertain === 0) return undefined;
  const counted = [
    ...(pointsBad > 0 ? [`${pointsBad} of ${points} points bad`] : []),
    ...(pointsUncertain > 0 ? [`${pointsUncertain} of ${points} points uncertain`] : []),
  ];
  const names = Object.entries(statuses).map(([name, count]) => `${count} ${name}`);
  const rest = names.length > mostNamed ? [`${names.length - mostNamed} further reasons`] : [];
  return `${counted.join(", ")}: ${[...names.slice(0, mostNamed), ...rest].join(", ")}`;
}
