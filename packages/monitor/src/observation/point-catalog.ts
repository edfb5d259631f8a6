// All points of all images, to be searched, sorted and shown a window at a time. Made anew when an image was replaced.
//
// 100,000 points and 50 viewers: the texts to search are made once for an image, an order once a second for everybody who asks for the same, a
// snapshot of a group once a tick, and a row only when somebody looks at it.

import type { GroupSnapshot } from "@cpc-partition/image";
import { inServerOrder } from "@cpc-partition/image/server-order";
import { isBad, isGood } from "@cpc-partition/image/values/status-code";
import type { ObservedService } from "./observed-partition.ts";
import { pointRow, type PointRow, type Quality } from "./point-row.ts";
import type { TrendPlace } from "./trends.ts";

export const sortOrders = ["configuration", "point", "server", "status", "age"] as const;
export type SortOrder = (typeof sortOrders)[number];

export interface PointQuery {
  readonly search: string;
  /** An alias, "" for all. */
  readonly server: string;
  /** A quality, or "notGood"; "" for all. */
  readonly quality: "" | "notGood" | Quality;
  readonly sort: SortOrder;
}

interface CatalogEntry {
  readonly image: number;
  readonly group: number;
  readonly index: number;
  readonly server: string;
  readonly key: string;
}

const orderFreshMs = 1000;

export class PointCatalog {
  readonly #images: readonly ObservedService[];
  readonly #entries: readonly CatalogEntry[];
  /** Lower case, in the order of the entries. */
  readonly #texts: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #snapshots = new Map<string, { readonly snapshot: GroupSnapshot; tick: number }>();
  readonly #orders = new Map<string, { readonly madeMs: number; readonly order: Uint32Array }>();
  #tick = 0;
  #isAlive: readonly boolean[];

  constructor(images: readonly ObservedService[]) {
    this.#images = images;
    this.#isAlive = images.map(({ isAlive }) => isAlive);
    this.#entries = images.flatMap(({ image: { directory } }, image) =>
      directory.servers.flatMap(({ alias: server, groups }) => {
        const entries: CatalogEntry[] = [];
        inServerOrder(groups, (place, index) => {
          const { index: group = -1, points = [] } = groups[place] ?? {};
          entries.push({ image, group, index, server, key: points[index]?.key ?? "" });
        });
        return entries;
      }),
    );
    this.#texts = this.#entries.map((entry) => {
      const { description = "", unit = "", source = "" } = this.#point(entry) ?? {};
      return `${entry.server} ${entry.key} ${description} ${unit} ${source}`.toLocaleLowerCase();
    });
    this.#numbers = new Map(this.#entries.map(({ image, key }, number) => [idOf(images[image]?.service, key), number]));
  }

  get count(): number {
    return this.#entries.length;
  }

  isOf(images: readonly ObservedService[]): boolean {
    return (
      images.length === this.#images.length && images.every(({ image }, index) => this.#images[index]?.image === image)
    );
  }

  /** What the images hold now is looked at from here on. */
  nextTick(images: readonly ObservedService[]): void {
    this.#tick++;
    this.#isAlive = images.map(({ isAlive }) => isAlive);
  }

  /** The numbers of all points that a query finds, in its order. */
  find(query: PointQuery, nowMs: number): Uint32Array {
    const name = JSON.stringify(query);
    const known = this.#orders.get(name);
    if (known !== undefined && Math.abs(nowMs - known.madeMs) < orderFreshMs) return known.order;
    for (const [other, { madeMs }] of this.#orders)
      if (Math.abs(nowMs - madeMs) >= orderFreshMs) this.#orders.delete(other);
    const order = Uint32Array.from(this.#sorted(this.#found(query, nowMs), query.sort, nowMs));
    this.#orders.set(name, { madeMs: nowMs, order });
    return order;
  }

  row(number: number, nowMs: number): PointRow | undefined {
    const entry = this.#entries[number];
    if (entry === undefined) return undefined;
    const snapshot = this.#snapshot(entry);
    const service = this.#images[entry.image]?.service;
    if (snapshot === undefined || service === undefined) return undefined;
    return pointRow(service, snapshot, entry.index, this.#isAlive[entry.image] === true, nowMs);
  }

  /** `id` as in a row; undefined when there is no such point (any more). */
  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** Where a point's changes are in the journal. */
  placeOf(number: number): TrendPlace | undefined {
    const entry = this.#entries[number];
    const observed = entry && this.#images[entry.image];
    const group = observed?.image.directory.groups[entry?.group ?? 0];
    if (entry === undefined || observed === undefined || group === undefined) return undefined;
    return {
      service: observed.service,
      point: group.firstPoint + entry.index,
      pointsSince: observed.image.pointsSince,
      startedNs: observed.image.startedNs,
    };
  }

  #found({ search, server, quality }: PointQuery, nowMs: number): readonly number[] {
    const words = search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    const found: number[] = [];
    for (const [number, entry] of this.#entries.entries()) {
      if (server !== "" && entry.server !== server) continue;
      if (!words.every((word) => this.#texts[number]?.includes(word))) continue;
      if (quality !== "" && !this.#hasQuality(entry, quality, nowMs)) continue;
      found.push(number);
    }
    return found;
  }

  #sorted(found: readonly number[], sort: SortOrder, nowMs: number): readonly number[] {
    if (sort === "configuration") return found;
    const entry = (number: number): CatalogEntry => this.#entries[number] as CatalogEntry;
    if (sort === "point") return by(found, (number) => entry(number).key);
    if (sort === "server") return by(found, (number) => entry(number).server);
    const rank = found.map((number) => {
      const snapshot = this.#snapshot(entry(number));
      const index = entry(number).index;
      if (snapshot === undefined) return 0;
      // Bad first, then uncertain, then good; or the oldest first.
      return sort === "status"
        ? -(snapshot.status(index) >>> 30)
        : Number(snapshot.receivedNs(index) / 1_000_000n) - nowMs;
    });
    const places = found
      .map((_, place) => place)
      .toSorted((one, other) => (rank[one] ?? 0) - (rank[other] ?? 0) || one - other);
    return places.map((place) => found[place] as number);
  }

  #hasQuality(entry: CatalogEntry, wanted: "notGood" | Quality, nowMs: number): boolean {
    const snapshot = this.#snapshot(entry);
    if (snapshot === undefined) return false;
    const status = snapshot.status(entry.index);
    const isAlive = this.#isAlive[entry.image] === true;
    if (isAlive && isGood(status) && wanted === "bad") return false;
    const service = this.#images[entry.image]?.service ?? "opcua";
    if (isAlive && isBad(status)) return wanted === "bad" || wanted === "notGood";
    const { quality } = pointRow(service, snapshot, entry.index, isAlive, nowMs);
    return wanted === "notGood" ? quality !== "good" : quality === wanted;
  }

  #point({ image, group, index }: CatalogEntry) {
    return this.#images[image]?.image.directory.groups[group]?.points[index];
  }

  #snapshot({ image, group }: CatalogEntry): GroupSnapshot | undefined {
    const name = `${image} ${group}`;
    let taken = this.#snapshots.get(name);
    if (taken === undefined) {
      const snapshot = this.#images[image]?.image.reusableSnapshot(group);
      if (snapshot === undefined) return undefined;
      taken = { snapshot, tick: -1 };
      this.#snapshots.set(name, taken);
    }
    if (taken.tick !== this.#tick) {
      taken.snapshot.refresh();
      taken.tick = this.#tick;
    }
    return taken.snapshot;
  }
}

export function idOf(service: string | undefined, key: string): string {
  return `${service} ${key}`;
}

/** Texts as people sort them: "Pump 2" before "Pump 10". */
const collator = new Intl.Collator(undefined, { numeric: true });

function by(found: readonly number[], text: (number: number) => string): readonly number[] {
  return found.toSorted((one, other) => collator.compare(text(one), text(other)) || one - other);
}
