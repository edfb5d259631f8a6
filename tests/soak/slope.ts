// Does a figure grow? A line through samples that does not mind outliers, and how sure it is. Pure.
//
// The least value of each sixtieth of the time is taken, because what was given back in between is no leak and a leak raises the least as
// well; the first fifth is warm-up. The slope is Theil's (the median of the slopes between all pairs), its 95 % interval Sen's.

export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

export interface Slope {
  readonly samples: number;
  /** Median of the values that count. */
  readonly level: number;
  /** All per hour. */
  readonly perHour: number;
  readonly lowPerHour: number;
  readonly highPerHour: number;
  /** Surely above zero, and by more than `leastShare` of the level in an hour. */
  readonly isUpward: boolean;
}

const hourMs = 3_600_000;
const warmUpShare = 0.2;
const spans = 60;
const fewest = 10;
/** The runtime learns for many minutes what is run often, and collects old garbage seldom. */
const shortestMs = 30 * 60_000;
/** Less than one percent of the level in an hour is not told from the runtime's own restlessness. */
const leastShare = 0.01;
const normal95 = 1.96;

/** Undefined when there are too few samples, or of too short a time, to say anything. */
export function slopeOf(samples: readonly Sample[]): Slope | undefined {
  const [first, last] = [samples.at(0), samples.at(-1)];
  if (first === undefined || last === undefined || last.atMs - first.atMs < shortestMs) return undefined;
  const beginMs = first.atMs + warmUpShare * (last.atMs - first.atMs);
  const least = leastOfSpans(
    samples.filter(({ atMs }) => atMs >= beginMs),
    (last.atMs - first.atMs) / spans,
  );
  if (least.length < fewest) return undefined;
  const slopes = pairSlopes(least).toSorted((a, b) => a - b);
  const level = median(least.map(({ value }) => value).toSorted((a, b) => a - b));
  // Sen 1968: the interval of the slope by the normal approximation of Kendall's statistic.
  const n = least.length;
  const spread = normal95 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (rank: number): number =>
    (slopes[Math.min(slopes.length - 1, Math.max(0, Math.round(rank)))] ?? 0) * hourMs;
  const lowPerHour = at((slopes.length - spread) / 2 - 1);
  const perHour = median(slopes) * hourMs;
  return {
    samples: n,
    level,
    perHour,
    lowPerHour,
    highPerHour: at((slopes.length + spread) / 2),
    isUpward: lowPerHour > 0 && perHour > leastShare * level,
  };
}

function leastOfSpans(samples: readonly Sample[], spanMs: number): readonly Sample[] {
  const groups = Map.groupBy(samples, ({ atMs }) => Math.floor((atMs - (samples[0]?.atMs ?? 0)) / spanMs));
  return Array.from(groups.values(), (group) => group.reduce((a, b) => (b.value < a.value ? b : a)));
}

function pairSlopes(samples: readonly Sample[]): readonly number[] {
  return samples.flatMap((from, index) =>
    samples.slice(index + 1).map((to) => (to.value - from.value) / (to.atMs - from.atMs)),
  );
}

function median(ordered: readonly number[]): number {
  const middle = Math.floor(ordered.length / 2);
  const upper = ordered[middle] ?? 0;
  return ordered.length % 2 === 1 ? upper : ((ordered[middle - 1] ?? 0) + upper) / 2;
}
