// Names for the numbers of a journal: an image says which point each number is, for changes of its own run and of the generations that
// number points as it does. docs/process-image.md, "Which point is it?".

import type { Change } from "@cpc-partition/image/journal-reader";
import { nameBefore, nameEarlier } from "@cpc-partition/image/kept-names";
import { OpenedImage } from "@cpc-partition/image/opened-image";

export interface NamedPoint {
  readonly server: string;
  readonly key: string;
  readonly unit: string;
}

/** What one image knew. */
interface KnownPoints {
  readonly startedNs: bigint;
  readonly since: number;
  readonly until: number;
  readonly points: readonly NamedPoint[];
}

export class PointNames {
  readonly #imageNames: readonly string[];
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
    const isFound = (one: KnownPoints): boolean =>
      found.some(({ startedNs, since }) => startedNs === one.startedNs && since === one.since);
    this.#known = [...found, ...this.#known.filter((one) => !isFound(one))];
  }

  /** `startedNs` of the journal that has the change; undefined when no image names its point. */
  of({ point, generation }: Change, startedNs: bigint): NamedPoint | undefined {
    return this.#known.find(
      (known) => known.startedNs === startedNs && known.since <= generation && generation <= known.until,
    )?.points[point];
  }

  /** A key that some image knows fits. */
  some(isWanted: (key: string) => boolean): boolean {
    return this.#known.some(({ points }) => points.some(({ key }) => isWanted(key)));
  }
}

function pointsOf(imageName: string): KnownPoints | undefined {
  using opened = new OpenedImage(imageName);
  const reader = opened.current();
  if (reader === undefined) return undefined;
  const points = reader.directory.servers.flatMap(({ alias, groups }) =>
    groups.flatMap((group) => group.points.map(({ key, unit }) => ({ server: alias, key, unit }))),
  );
  return { startedNs: reader.startedNs, since: reader.pointsSince, until: reader.generation, points };
}
