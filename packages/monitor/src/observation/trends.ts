// Trends out of the journal: what a point was in the last minutes, at once, and then each change as it comes. Nothing is recorded here.
//
// One follower of each journal serves all viewers; it passes over changes of points that nobody plots. A viewer that chooses a point reads the
// journal once from its oldest change, and takes from the follower what lies behind that. Where there is no journal a viewer gets
// what its rows show, from now on.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { Change } from "@cpc-partition/image";
import { OpenedJournal } from "@cpc-partition/image/opened-journal";
import { ImageError } from "@cpc-partition/image/read-directory";
import { PosixError, UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { isBad, isGood } from "@cpc-partition/image/values/status-code";
import type { Scalar } from "@cpc-partition/image/values/value";
import type { PointRow } from "./point-row.ts";

/** Unix milliseconds when it was published; the value, null for none or one that is no number; 0 good, 1 uncertain, 2 bad. */
export type TrendSample = readonly [timeMs: number, value: number | null, severity: 0 | 1 | 2];

export interface TrendPart {
  readonly id: string;
  readonly samples: readonly TrendSample[];
  /** Changes were overwritten before they could be read: there is a gap before these. */
  readonly isBehindGap?: boolean;
}

/** Where a point's changes are in the journal of its service. */
export interface TrendPlace {
  readonly service: ServiceName;
  readonly point: number;
  /** Generation of the image since which this is its number. */
  readonly pointsSince: number;
  /** Of the run: a journal that another one left says nothing about this point. */
  readonly startedNs: bigint;
}

/** The newest of a history; a plot has some 2000 columns. */
const mostSamples = 20_000;
/** And some more that are passed over: some milliseconds. */
const changesOfSlice = 2000;

interface Subscription {
  readonly id: string;
  readonly place: TrendPlace;
  samples: TrendSample[];
  isBehindGap: boolean;
  /** Journal position up to which it has read by itself; undefined while it reads. */
  readUpTo: bigint | undefined;
}

export class TrendViewer {
  readonly #trends: Trends;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(trends: Trends) {
    this.#trends = trends;
  }

  /** What has come since the last call; `rows` are those that changed, for points without a journal. */
  take(places: ReadonlyMap<string, TrendPlace>, rows: Readonly<Record<string, PointRow | null>>): readonly TrendPart[] {
    for (const [id, place] of places) {
      const before = this.#subscriptions.get(id);
      if (before !== undefined && isSamePlace(before.place, place)) continue;
      if (before !== undefined) this.#trends.unsubscribe(before);
      this.#subscriptions.set(id, this.#trends.subscribe(id, place));
    }
    return Array.from(this.#subscriptions.values(), (subscription) => {
      const { id, place, samples, isBehindGap } = subscription;
      const row = rows[id];
      if (row && !this.#trends.hasJournal(place.service)) samples.push(sampleOfRow(row));
      subscription.samples = [];
      subscription.isBehindGap = false;
      return { id, samples, ...(isBehindGap ? { isBehindGap } : {}) };
    }).filter(({ samples }) => samples.length > 0);
  }

  close(): void {
    for (const subscription of this.#subscriptions.values()) this.#trends.unsubscribe(subscription);
    this.#subscriptions.clear();
  }
}

export class Trends {
  readonly #prefix: string;
  /** Of services that somebody plots points of. */
  readonly #journals = new Map<ServiceName, OpenedJournal>();
  readonly #existing = new Set<ServiceName>();
  readonly #subscriptions = new Set<Subscription>();
  /** Histories are read one after another: many viewers that choose points at once do not stop the others. */
  #reading: Promise<void> = Promise.resolve();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  viewer(): TrendViewer {
    return new TrendViewer(this);
  }

  hasJournal(service: ServiceName): boolean {
    return this.#existing.has(service);
  }

  subscribe(id: string, place: TrendPlace): Subscription {
    const subscription: Subscription = { id, place, samples: [], isBehindGap: false, readUpTo: undefined };
    this.#subscriptions.add(subscription);
    this.#reading = this.#readNext(this.#reading, subscription);
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
  }

  /** Reads what the journals have got since the last call; cheap while nobody plots. */
  follow(): void {
    for (const [service, journal] of this.#journals) {
      const wanted = [...this.#subscriptions].filter(({ place }) => place.service === service);
      if (wanted.length > 0) quietly(() => this.#deliver(service, journal, wanted));
      else {
        journal.close();
        this.#journals.delete(service);
        this.#existing.delete(service);
      }
    }
  }

  close(): void {
    this.#subscriptions.clear();
    for (const journal of this.#journals.values()) journal.close();
    this.#journals.clear();
  }

  async #readNext(before: Promise<void>, subscription: Subscription): Promise<void> {
    await before;
    await nextTurn();
    if (this.#subscriptions.has(subscription)) await this.#readHistory(subscription);
  }

  #deliver(service: ServiceName, journal: OpenedJournal, subscriptions: readonly Subscription[]): void {
    const points = new Set(subscriptions.map(({ place }) => place.point));
    const { changes, lost, isNewJournal } = journal.next(Infinity, (point) => points.has(point));
    if (changes.length > 0) this.#existing.add(service);
    for (const subscription of subscriptions) {
      if (lost > 0n) subscription.isBehindGap = true;
      const { readUpTo, place } = subscription;
      if (readUpTo === undefined) continue;
      // Positions of another journal begin anew.
      if (isNewJournal) subscription.readUpTo = -1n;
      if (journal.startedNs !== place.startedNs) continue;
      const own = changes.filter(
        ({ point, generation, position }) =>
          point === place.point && generation >= place.pointsSince && position > (subscription.readUpTo ?? -1n),
      );
      subscription.samples.push(...own.map(sampleOf));
    }
  }

  /** In slices, with a turn of the event loop between two: a full journal takes a while, and nobody else is to wait for it. */
  async #readHistory(subscription: Subscription): Promise<void> {
    const { place } = subscription;
    using journal = new OpenedJournal(`${this.#prefix}${place.service}_journal`, "oldest");
    let history: TrendSample[] = [];
    let readUpTo = -1n;
    let isEnd = quietly(() => this.#beginHistory(journal, place)) !== true;
    while (!isEnd && this.#subscriptions.has(subscription)) {
      const slice = quietly(() =>
        journal.next(changesOfSlice, (point, generation) => point === place.point && generation >= place.pointsSince),
      );
      // Positions of another journal begin anew, and its points are those of another run.
      if (slice === undefined || slice.isNewJournal) break;
      ({ isEnd } = slice);
      readUpTo = slice.changes.at(-1)?.position ?? readUpTo;
      history = [...history, ...slice.changes.map(sampleOf)].slice(-mostSamples);
      if (!isEnd) await nextTurn();
    }
    subscription.readUpTo = readUpTo;
    subscription.samples.push(...history);
  }

  /** False: the journal says nothing about the point. */
  #beginHistory(journal: OpenedJournal, { service, startedNs }: TrendPlace): boolean {
    // The follower begins before the history is read: what comes between the two is seen twice and told once.
    if (!this.#journals.has(service)) {
      const follower = new OpenedJournal(journal.name);
      this.#journals.set(service, follower);
      follower.open();
    }
    if (!journal.open() || journal.startedNs !== startedNs) return false;
    this.#existing.add(service);
    return true;
  }
}

function isSamePlace(one: TrendPlace, other: TrendPlace): boolean {
  return one.point === other.point && one.pointsSince === other.pointsSince && one.startedNs === other.startedNs;
}

/** At the time of the publication: a lost connection is a change that no answer brought. */
function sampleOf({ publishedNs, value, status }: Change): TrendSample {
  return [Number(publishedNs / 1_000_000n), numberOf(value, status), severityOf(status)];
}

function sampleOfRow({ receivedMs, value, quality }: PointRow): TrendSample {
  const number = value === "true" ? 1 : value === "false" ? 0 : value === "" ? Number.NaN : Number(value);
  const severity = quality === "good" ? 0 : quality === "uncertain" ? 1 : 2;
  return [receivedMs, Number.isFinite(number) && severity < 2 ? number : null, severity];
}

function severityOf(status: number): 0 | 1 | 2 {
  return isGood(status) ? 0 : isBad(status) ? 2 : 1;
}

function numberOf(value: Scalar | readonly Scalar[], status: number): number | null {
  if (isBad(status)) return null;
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** A journal that cannot be read is as if there were none: the page shows values all the same. */
function quietly<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ImageError || error instanceof PosixError || error instanceof UnsuitableObjectError))
      throw error;
    return undefined;
  }
}
