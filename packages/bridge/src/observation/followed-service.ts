// One service as one output follows it: births from its image, changes from its journal, in order, across restarts of the partition and of
// the bridge, with every gap counted.
//
// A change is live when it came after the birth that shows its server as connected; every other one is history. So nothing is old news to a
// host that believes its births, and nothing is left out.

import { ConnectionState, type ImageReader } from "@cpc-partition/image";
import type { Change } from "@cpc-partition/image/journal-reader";
import { nameBefore } from "@cpc-partition/image/kept-names";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { OpenedJournal } from "@cpc-partition/image/opened-journal";
import { PointNames, type KnownPoint } from "@cpc-partition/image/point-names";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { isHeartbeatOld } from "@cpc-partition/image/usable-value";
import type { ObservedPoint, PointChange, ServerBirth } from "./observed-change.ts";

/** The last change that was read, or where reading began. */
export interface JournalPlace {
  /** Start of the run that the journal belongs to. */
  readonly run: bigint;
  readonly position: bigint;
  /** -1: before the first change. */
  readonly sequence: bigint;
}

/** Before any journal. */
const noRun = 0n;

/** Of the ring of a journal, unread. The other half is for the batch that is under way. */
const farBehind = 0.5;

export interface FollowedChange extends PointChange {
  readonly sequence: bigint;
  readonly generation: number;
  readonly group: number;
}

export interface Followed {
  readonly changes: readonly FollowedChange[];
  /** Changes that were overwritten before they could be read. */
  readonly lost: bigint;
  /** There are no more for the moment. */
  readonly isEnd: boolean;
  /** Something is missing before these changes, whether or not it can be counted. */
  readonly isBehindGap: boolean;
}

/** What an image says now. `born` goes to `markBorn` when the births have been published. */
export interface Look {
  /** Undefined: there is no image. */
  readonly image: ImageReader | undefined;
  readonly isConnected: readonly boolean[];
}

export interface Births {
  readonly births: readonly ServerBirth[];
  readonly look: Look;
  /** Journal position of each group's snapshot. */
  readonly positions: readonly bigint[];
}

export class FollowedService implements Disposable {
  readonly service: ServiceName;
  readonly #image: OpenedImage;
  readonly #names: PointNames;
  readonly #journalName: string;
  /** The journal that is being read; what the run before left comes first. */
  #journal: OpenedJournal | undefined;
  #isReadingBefore = false;
  #place: JournalPlace | undefined;
  /** Until the first journal was opened. */
  #hasBegun = false;
  #born: Births | undefined;
  readonly #observed = new WeakMap<KnownPoint, ObservedPoint>();

  /** `place`: where an earlier bridge stopped reading; undefined: nothing older than now is wanted. */
  constructor(prefix: string, service: ServiceName, place: JournalPlace | undefined) {
    this.service = service;
    this.#image = new OpenedImage(`${prefix}${service}_image`);
    this.#names = new PointNames(`${prefix}${service}_image`);
    this.#journalName = `${prefix}${service}_journal`;
    this.#place = place;
  }

  /** Of the last change that `next` gave, or where it began. Undefined before its first call. */
  get place(): JournalPlace | undefined {
    return this.#place;
  }

  /** A journal is there, or was. */
  get hasJournal(): boolean {
    return this.#journal?.startedNs !== undefined;
  }

  /** Who reads on no faster loses changes: the writer comes around. */
  get isFarBehind(): boolean {
    return (this.#journal?.unreadShare ?? 0) > farBehind;
  }

  get journalName(): string {
    return this.#journalName;
  }

  look(): Look {
    const seen = this.#image.look();
    if (seen === undefined) return { image: undefined, isConnected: [] };
    const { image, hasWriter } = seen;
    const isAlive = hasWriter && !image.isRetired && !isHeartbeatOld(image, Date.now());
    const isConnected = image.directory.servers.map(
      (_, index) => isAlive && image.serverState(index)?.connection === ConnectionState.connected,
    );
    return { image, isConnected };
  }

  /** Servers whose births are not what `look` saw; "all": the points may be others. */
  changedSince(look: Look): "all" | readonly number[] {
    const born = this.#born?.look;
    if (born === undefined || born.image !== look.image)
      return look.image === undefined && born === undefined ? [] : "all";
    return look.isConnected.flatMap((isConnected, index) => (born.isConnected[index] === isConnected ? [] : [index]));
  }

  /** Of what `look` saw. Undefined when the writer is too fast for a snapshot, or the image is being replaced: look again. */
  births({ image, isConnected }: Look): Births | undefined {
    if (image === undefined) return { births: [], look: { image, isConnected }, positions: [] };
    this.#names.look();
    const positions: bigint[] = [];
    const births: ServerBirth[] = [];
    for (const [serverIndex, server] of image.directory.servers.entries()) {
      const values: PointChange[] = [];
      for (const group of server.groups) {
        const snapshot = image.snapshot(group.index);
        if (snapshot === undefined) return undefined;
        const { journalPosition, publishedNs } = snapshot.state;
        positions[group.index] = journalPosition;
        for (const index of group.points.keys()) {
          const known = this.#names.of(
            { point: group.firstPoint + index, generation: image.generation },
            image.startedNs,
          );
          if (known === undefined) return undefined;
          values.push({
            ...snapshot.reading(index),
            point: this.#observe(known),
            publishedNs,
            run: image.startedNs,
            position: journalPosition,
          });
        }
      }
      const { service } = this;
      births.push({ service, server: server.alias, isConnected: isConnected[serverIndex] === true, values });
    }
    return { births, look: { image, isConnected }, positions };
  }

  /** The host has those of these servers: their later changes are live. */
  markBorn(births: Births, servers: "all" | readonly number[]): void {
    const before = this.#born;
    if (servers === "all" || before === undefined) {
      this.#born = births;
      return;
    }
    const isNew = (serverIndex: number): boolean => servers.includes(serverIndex);
    const { image, isConnected } = births.look;
    const groups = image?.directory.groups ?? [];
    this.#born = {
      ...births,
      look: {
        image,
        isConnected: isConnected.map((is, index) => (isNew(index) ? is : before.look.isConnected[index] === true)),
      },
      positions: births.positions.map((position, index) =>
        isNew(groups[index]?.serverIndex ?? -1) ? position : (before.positions[index] ?? position),
      ),
    };
  }

  /** The host has nothing any more. */
  markUnborn(): void {
    this.#born = undefined;
  }

  isLive({ run, generation, group, position }: FollowedChange): boolean {
    const born = this.#born;
    const image = born?.look.image;
    if (born === undefined || image === undefined || image.startedNs !== run) return false;
    if (generation < image.pointsSince || generation > image.generation) return false;
    const placed = image.directory.groups[group];
    if (placed === undefined || born.look.isConnected[placed.serverIndex] !== true) return false;
    return position >= (born.positions[group] ?? 0n);
  }

  /** The next changes, none when there is nothing new. Throws an ImageError when the journal contradicts itself. */
  async next(most: number, signal: AbortSignal): Promise<Followed> {
    let isBehindGap = !this.#hasBegun && this.#begin();
    const journal = this.#journal;
    if (journal === undefined) return { changes: [], lost: 0n, isEnd: true, isBehindGap };
    const next = journal.next(most);
    if (next.isNewJournal && this.#openBetween()) return { changes: [], lost: 0n, isEnd: false, isBehindGap: true };
    const found = next.changes;
    let { isEnd } = next;
    const run = journal.startedNs;
    if (found.length === 0 && this.#isReadingBefore) {
      this.#isReadingBefore = false;
      journal.close();
      this.#journal = new OpenedJournal(this.#journalName, "oldest");
      this.#journal.open();
      return { changes: [], lost: 0n, isEnd: true, isBehindGap: this.#openBetween() || isBehindGap };
    }
    let lost = 0n;
    const changes: FollowedChange[] = [];
    for (const change of found) {
      const place = this.#place;
      if (run === undefined || place === undefined) break;
      if (place.run === run && change.sequence <= place.sequence) continue;
      const point = this.#names.of(change, run) ?? (await this.#find(journal, change, run, signal, changes.length > 0));
      if (point === undefined) {
        isEnd = true;
        break;
      }
      lost += change.sequence - (place.run === run ? place.sequence + 1n : 0n);
      this.#place = { run, position: change.position, sequence: change.sequence };
      // No image is left that names it.
      if (point.server === "") lost++;
      else changes.push(this.#followed(change, point, run));
    }
    if (lost > 0n) isBehindGap = true;
    return { changes, lost, isEnd, isBehindGap };
  }

  [Symbol.dispose](): void {
    this.#journal?.close();
    this.#image.close();
  }

  /**
   * Undefined when the change is to be read again: nobody waits for names at the end, and an image that cannot be read must not cost the changes
   * that were read before (`hasOthers`). Throws when it would be the first.
   */
  async #find(journal: OpenedJournal, change: Change, run: bigint, signal: AbortSignal, hasOthers: boolean) {
    try {
      const point = await this.#names.find(change, run, signal);
      if (point.server !== "" || !signal.aborted) return point;
    } catch (error) {
      this.#readAgain(journal);
      if (hasOthers) return undefined;
      throw error;
    }
    this.#readAgain(journal);
    return undefined;
  }

  #readAgain(journal: OpenedJournal): void {
    const place = this.#place;
    if (place !== undefined && place.run === journal.startedNs) journal.goOnAt(place.position);
    else journal.open();
  }

  #observe(known: KnownPoint): ObservedPoint {
    let observed = this.#observed.get(known);
    if (observed === undefined) {
      observed = { ...known, service: this.service };
      this.#observed.set(known, observed);
    }
    return observed;
  }

  #followed(change: Change, known: KnownPoint, run: bigint): FollowedChange {
    const { type, value, dimensions, status, sourceNs, receivedNs, publishedNs, position, sequence } = change;
    const { generation, group } = change;
    const shape = dimensions === undefined ? {} : { dimensions };
    const times = { sourceNs, receivedNs, publishedNs };
    return {
      point: this.#observe(known),
      type,
      value,
      ...shape,
      status,
      ...times,
      run,
      position,
      sequence,
      generation,
      group,
    };
  }

  /**
   * True when the place to go on at is gone, with the journal that it was in. The present journal is opened first: a restart of the partition gives it
   * the name of the one before, so that it is found under the one or the other.
   */
  #begin(): boolean {
    this.#hasBegun = true;
    const place = (this.#place ??= this.#end());
    const current = new OpenedJournal(this.#journalName, "oldest");
    const isThere = current.open();
    this.#journal = current;
    if (place.run === noRun) return false;
    if (current.startedNs === place.run) {
      current.goOnAt(place.position);
      return false;
    }
    const before = new OpenedJournal(nameBefore(this.#journalName), "oldest");
    if (before.open() && before.startedNs === place.run) {
      before.goOnAt(place.position);
      current.close();
      this.#journal = before;
      this.#isReadingBefore = true;
      return false;
    }
    before.close();
    return isThere;
  }

  /** Nothing older is wanted by who never read. */
  #end(): JournalPlace {
    using journal = new OpenedJournal(this.#journalName, "end");
    const cursor = journal.open() ? journal.cursor : undefined;
    const run = journal.startedNs;
    if (cursor === undefined || run === undefined) return { run: noRun, position: 0n, sequence: -1n };
    return { run, position: cursor.position, sequence: cursor.sequence - 1n };
  }

  /**
   * The partition was restarted more than once since the last change: the journal of the run before comes first. What there was between that one
   * and the last change is unknown. False when the run before is the one of the last change, or of the journal that was just opened, which has lost
   * its name meanwhile.
   */
  #openBetween(): boolean {
    const last = this.#place?.run ?? noRun;
    if (last === noRun) return false;
    const before = new OpenedJournal(nameBefore(this.#journalName), "oldest");
    const position = before.open() ? before.cursor?.position : undefined;
    const run = before.startedNs;
    if (position === undefined || run === undefined || run === last || run === this.#journal?.startedNs) {
      before.close();
      return false;
    }
    this.#journal?.close();
    this.#journal = before;
    this.#isReadingBefore = true;
    this.#place = { run, position, sequence: -1n };
    return true;
  }
}
