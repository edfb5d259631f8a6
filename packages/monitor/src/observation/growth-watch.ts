// Remembers what health alone does not tell: since when a problem has been there, which counters grow, and how a server failed last.

import type { FailureKind } from "@cpc-partition/image/failure-kind";

export interface Growth {
  /** Since this episode began. */
  readonly by: number;
  readonly since: string;
}

interface Counted {
  readonly value: number;
  readonly episode: { readonly beganAt: number; readonly sinceMs: number; readonly lastMs: number } | undefined;
}

/** A counter that has not grown for so long is a problem of the past. */
const quietAfterMs = 300_000;

export class GrowthWatch {
  readonly #clockMs: () => number;
  readonly #counters = new Map<string, Counted>();
  readonly #failures = new Map<
    string,
    { readonly counts: Readonly<Partial<Record<FailureKind, number>>>; readonly last: FailureKind | undefined }
  >();
  /** Problem -> when it was seen first; undefined: it was there when the monitor came. */
  #problems = new Map<string, number | undefined>();
  #seen = new Map<string, number | undefined>();
  #isFirstLook = true;

  constructor(clockMs: () => number = Date.now) {
    this.#clockMs = clockMs;
  }

  /** Undefined while the counter rests, or has grown by less than `least`. What it counted before the first look is not news. */
  growth(counter: string, value: number, least = 1): Growth | undefined {
    const nowMs = this.#clockMs();
    const before = this.#counters.get(counter);
    let episode = before?.episode;
    if (episode !== undefined && nowMs - episode.lastMs > quietAfterMs) episode = undefined;
    // A counter that shrank begins anew: the partition was restarted.
    if (before !== undefined && value < before.value) episode = undefined;
    if (before !== undefined && value > before.value) {
      const { beganAt, sinceMs } = episode ?? { beganAt: before.value, sinceMs: nowMs };
      episode = { beganAt, sinceMs, lastMs: nowMs };
    }
    this.#counters.set(counter, { value, episode });
    if (episode === undefined || value - episode.beganAt < least) return undefined;
    return { by: value - episode.beganAt, since: new Date(episode.sinceMs).toISOString() };
  }

  /** The kind of failure that was counted last; of several before the first look: undefined, unless there was only one. */
  lastGrown(server: string, counts: Readonly<Partial<Record<FailureKind, number>>>): FailureKind | undefined {
    const kinds = (Object.keys(counts) as FailureKind[]).filter((kind) => kind !== "Stopped");
    const before = this.#failures.get(server);
    const grown = before && kinds.find((kind) => (counts[kind] ?? 0) > (before.counts[kind] ?? 0));
    const last = grown ?? before?.last ?? (kinds.length === 1 ? kinds[0] : undefined);
    this.#failures.set(server, { counts, last });
    return last;
  }

  /** Undefined: it was there when the monitor was started. */
  since(problem: string): string | undefined {
    const sinceMs = this.#problems.has(problem)
      ? this.#problems.get(problem)
      : this.#isFirstLook
        ? undefined
        : this.#clockMs();
    this.#seen.set(problem, sinceMs);
    return sinceMs === undefined ? undefined : new Date(sinceMs).toISOString();
  }

  /** What was not asked for since the last call is over. */
  endLook(): void {
    this.#problems = this.#seen;
    this.#seen = new Map();
    this.#isFirstLook = false;
  }
}
