// Names for the numbers of a journal: an image says which point each number is, for changes of its own run and of the generations that
// number points as it does. docs/process-image.md, "Which point is it?".

import { setTimeout as delay } from "node:timers/promises";
import type { Change } from "./journal-reader.ts";
import { nameBefore, nameEarlier } from "./kept-names.ts";
import { OpenedImage } from "./opened-image.ts";
import { BuiltInType } from "./values/built-in-type.ts";

export interface NamedPoint {
  readonly server: string;
  readonly key: string;
  readonly unit: string;
}

/** As the directory has it; the same object for as long as its numbering is known. */
export interface KnownPoint extends NamedPoint {
  readonly description: string;
  readonly type: BuiltInType;
}

/** What one image knew. */
interface KnownPoints {
  readonly startedNs: bigint;
  readonly since: number;
  readonly until: number;
  readonly points: readonly KnownPoint[];
}

const lookAgainMs = 100;
/** A new generation writes changes a moment before its image has its name. */
const longestWaitForNamesMs = 2000;

export class PointNames {
  readonly #imageNames: readonly string[];
  /** Runs and generations of which no image is left. */
  readonly #nameless = new Set<string>();
  #known: readonly KnownPoints[] = [];

  /** `imageName` as `opcua_image`; looks into it, and into those that were kept. */
  constructor(imageName: string) {
    this.#imageNames = [imageName, nameEarlier(imageName), nameBefore(imageName)];
    this.look();
  }

  /** Images come and go; what they knew of a run is remembered. */
  look(): void {
    const found = this.#imageNames.flatMap((name) => {
      const known = pointsOf(name);
      return known === undefined ? [] : [known];
    });
    const current = found.map((one) => ({
      ...one,
      points: this.#known.find((known) => isSameNumbering(known, one))?.points ?? one.points,
    }));
    this.#known = [...current, ...this.#known.filter((known) => !found.some((one) => isSameNumbering(known, one)))];
  }

  /** `startedNs` of the journal that has the change; undefined when no image names its point. */
  of({ point, generation }: Pick<Change, "point" | "generation">, startedNs: bigint): KnownPoint | undefined {
    return this.#known.find(
      (known) => known.startedNs === startedNs && known.since <= generation && generation <= known.until,
    )?.points[point];
  }

  /** Waits for an image that has just come. A point that no image names is called by its number. */
  async find(change: Change, startedNs: bigint, signal: AbortSignal): Promise<KnownPoint> {
    const numbering = `${startedNs}/${change.generation}`;
    const waitsUntilMs = Number(change.publishedNs / 1_000_000n) + longestWaitForNamesMs;
    // The wall clock may have been set back since.
    const endMs = performance.now() + longestWaitForNamesMs;
    for (;;) {
      const point = this.of(change, startedNs);
      if (point !== undefined) return point;
      if (this.#nameless.has(numbering)) break;
      this.look();
      if (this.of(change, startedNs) !== undefined) continue;
      if (signal.aborted || Date.now() > waitsUntilMs || performance.now() > endMs) this.#nameless.add(numbering);
      else await delay(lookAgainMs, undefined, { signal }).catch(() => {});
    }
    const key = `point ${change.point} of generation ${change.generation}`;
    return { server: "", key, unit: "", description: "", type: BuiltInType.Null };
  }

  /** A key that some image knows fits. */
  some(isWanted: (key: string) => boolean): boolean {
    return this.#known.some(({ points }) => points.some(({ key }) => isWanted(key)));
  }
}

function isSameNumbering(one: KnownPoints, other: KnownPoints): boolean {
  return one.startedNs === other.startedNs && one.since === other.since;
}

function pointsOf(imageName: string): KnownPoints | undefined {
  using opened = new OpenedImage(imageName);
  const reader = opened.current();
  if (reader === undefined) return undefined;
  const points = reader.directory.servers.flatMap(({ alias, groups }) =>
    groups.flatMap((group) =>
      group.points.map(({ key, unit, description, type }) => ({ server: alias, key, unit, description, type })),
    ),
  );
  return { startedNs: reader.startedNs, since: reader.pointsSince, until: reader.generation, points };
}
