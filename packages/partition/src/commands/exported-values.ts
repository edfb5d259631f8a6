// The values of one service, in time: all of them now, all of them again and again, or all of them now and then every change. A reader like
// any other.
//
// Promises: what is exported was true when it was published. While no partition writes the image nothing is exported, whatever is left in
// it, and standard error says so. A bad value is exported without the value that the point had before.

import { setTimeout as delay } from "node:timers/promises";
import type { GroupSnapshot } from "@cpc-partition/image/group-snapshot";
import type { Change } from "@cpc-partition/image/journal-reader";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { OpenedJournal } from "@cpc-partition/image/opened-journal";
import { unusableImage } from "@cpc-partition/image/usable-value";
import { isBad } from "@cpc-partition/image/values/status-code";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { CommandError } from "@cpc-partition/process/command-error";
import { monotonicMs } from "@cpc-partition/process/schedule";
import { printError } from "@cpc-partition/process/standard-error";
import type { TimedValue } from "./change-lines.ts";
import { dumpOf } from "./dump-of.ts";
import { PointNames, type NamedPoint } from "@cpc-partition/image/point-names";

export interface ExportedRow {
  readonly value: TimedValue;
  readonly point: NamedPoint;
}

type Rows = readonly ExportedRow[];

/** A copy of each group's last poll, in the order of the groups. */
interface Taken {
  readonly generation: number;
  readonly startedNs: bigint;
  readonly snapshots: readonly GroupSnapshot[];
}

const lookAgainMs = 100;
const batch = 10_000;

export class ExportedValues implements Disposable {
  readonly #dump: string;
  readonly #image: OpenedImage;
  readonly #journal: OpenedJournal;
  readonly #isWanted: (key: string) => boolean;
  readonly #signal: AbortSignal;
  /** Why nothing is exported just now; undefined: it is. */
  #printed: string | undefined;

  /** Ends, whatever it does, when the signal aborts. */
  constructor(prefix: string, service: ServiceName, isWanted: (key: string) => boolean, signal: AbortSignal) {
    this.#dump = dumpOf(prefix, service);
    this.#image = new OpenedImage(`${prefix}${service}_image`);
    this.#journal = new OpenedJournal(`${prefix}${service}_journal`);
    this.#isWanted = isWanted;
    this.#signal = signal;
  }

  /** Throws a CommandError when there is no partition whose values they could be. */
  now(): Rows {
    const taken = this.#take();
    if (typeof taken !== "string") return this.#rowsOf(taken);
    throw new CommandError(
      `cannot export ${this.#image.name} because ${taken}; start the partition, or look at the last values with ${this.#dump}`,
    );
  }

  /** At instants of a grid; what was missed is not made up for. */
  async *everyInterval(intervalMs: number): AsyncGenerator<Rows> {
    const beganMs = monotonicMs();
    while (!this.#signal.aborted) {
      const taken = this.#takeAndTell();
      if (taken !== undefined) yield this.#rowsOf(taken);
      const nextMs = intervalMs * (Math.floor((monotonicMs() - beganMs) / intervalMs) + 1);
      await this.#pause(beganMs + nextMs - monotonicMs());
    }
  }

  /** All values first, and again where changes were lost or another run began; every change in between. */
  async *changes(): AsyncGenerator<Rows> {
    while (!this.#signal.aborted) {
      const taken = this.#takeAndTell();
      const positions = taken?.snapshots.map(({ state }) => state.journalPosition) ?? [];
      // Positions in the journal of another run are others.
      const isFound = this.#journal.seek(earliest(positions)) && this.#journal.startedNs === taken?.startedNs;
      if (taken !== undefined && isFound) {
        yield this.#rowsOf(taken);
        yield* this.#changesSince(taken.generation, positions);
      } else {
        if (taken !== undefined)
          this.#tell(`there is no ${this.#journal.name} (--journal-size 0), or it has just begun`);
        await this.#pause(lookAgainMs);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#image.close();
    this.#journal.close();
  }

  async *#changesSince(generation: number, positions: readonly bigint[]): AsyncGenerator<Rows> {
    const names = new PointNames(this.#image.name);
    const isShown = (change: Change): boolean =>
      change.generation === generation && change.position < (positions[change.group] ?? 0n);
    while (!this.#signal.aborted) {
      const { changes, lost, isNewJournal } = this.#journal.next(batch);
      if (lost > 0n && !isNewJournal)
        printError(`${lost} changes were overwritten before they could be read; all values follow`);
      if (lost > 0n || isNewJournal) return;
      const startedNs = this.#journal.startedNs ?? 0n;
      const rows: ExportedRow[] = [];
      for (const change of changes) {
        if (isShown(change)) continue;
        const point = names.of(change, startedNs) ?? (await names.find(change, startedNs, this.#signal));
        if (this.#isWanted(point.key)) rows.push(rowOf(change, point));
      }
      if (rows.length > 0) yield rows;
      if (changes.length === 0) {
        // What is in the journal of a dead partition has been exported before this is said.
        this.#takeAndTell();
        await this.#pause(lookAgainMs);
      }
    }
  }

  #takeAndTell(): Taken | undefined {
    const taken = this.#take();
    if (typeof taken === "string") {
      this.#tell(taken);
      return undefined;
    }
    if (this.#printed !== undefined) printError(`${this.#image.name} has values again`);
    this.#printed = undefined;
    return taken;
  }

  /** Once, until it is over. */
  #tell(why: string): void {
    if (this.#printed !== why) printError(`waiting for ${this.#image.name}: ${why}`);
    this.#printed = why;
  }

  /** What is exported now, or why nobody stands for what is there. */
  #take(): Taken | string {
    const image = this.#image.current();
    const snapshots = image?.directory.groups.map(({ index }) => image.snapshot(index)) ?? [];
    const [first] = snapshots;
    if (image === undefined || first === undefined) return `there is no image ${this.#image.name}`;
    if (!snapshots.every((snapshot) => snapshot !== undefined)) return "it changes too fast";
    const unusable = unusableImage(this.#image, first);
    return unusable?.isUsable === false
      ? unusable.why
      : { generation: image.generation, startedNs: image.startedNs, snapshots };
  }

  #rowsOf({ snapshots }: Taken): Rows {
    return snapshots.flatMap((snapshot) => {
      const { publishedNs } = snapshot.state;
      return snapshot.points.flatMap(({ key, unit }, index) =>
        this.#isWanted(key)
          ? [rowOf({ ...snapshot.reading(index), publishedNs }, { server: snapshot.server.alias, key, unit })]
          : [],
      );
    });
  }

  async #pause(durationMs: number): Promise<void> {
    await delay(Math.max(0, durationMs), undefined, { signal: this.#signal }).catch(() => {});
  }
}

function rowOf({ status, sourceNs, receivedNs, publishedNs, ...value }: TimedValue, point: NamedPoint): ExportedRow {
  const { type, value: scalar, dimensions } = value;
  const shown = isBad(status) ? { type, value: null } : { type, value: scalar, ...(dimensions && { dimensions }) };
  return { value: { ...shown, status, sourceNs, receivedNs, publishedNs }, point };
}

function earliest(positions: readonly bigint[]): bigint {
  return positions.reduce((least, position) => (position < least ? position : least), positions[0] ?? 0n);
}
