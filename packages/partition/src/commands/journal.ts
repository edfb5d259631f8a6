// `cpc journal`: what has changed, one line for each change, also after the partition's death. A reader like any other.

import { setTimeout as delay } from "node:timers/promises";
import type { Change } from "@cpc-partition/image/journal-reader";
import { nameBefore } from "@cpc-partition/image/kept-names";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { ImageError } from "@cpc-partition/image/read-directory";
import { OpenedJournal } from "@cpc-partition/image/opened-journal";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { patternOf } from "@cpc-partition/process/glob";
import { stopSignal } from "@cpc-partition/process/signals";
import { printError } from "@cpc-partition/process/standard-error";
import { print } from "@cpc-partition/process/standard-output";
import { dumpOf } from "./dump-of.ts";
import { csvLines, instant, jsonLines, textLines, type ChangeFormat } from "./change-lines.ts";
import { PointNames } from "@cpc-partition/image/point-names";

export interface JournalSettings {
  readonly prefix: string;
  /** Only changes of so many seconds: before now, or before the partition's end when it does not run. */
  readonly since: number | undefined;
  /** Keys with `*` and `?`. */
  readonly point: string | undefined;
  readonly csv: boolean;
  readonly json: boolean;
  readonly follow: boolean;
}

const lookAgainMs = 100;
/** Between two batches signals and a closed output are noticed. */
const batch = 1000;

export async function journal(service: ServiceName, settings: JournalSettings): Promise<ExitCode> {
  const name = `${settings.prefix}${service}_journal`;
  try {
    await show(name, service, settings);
    return ExitCode.fine;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    throw new CommandError(`cannot show ${name}: ${error.message}; restart the partition to make a new one`);
  }
}

async function show(journalName: string, service: ServiceName, settings: JournalSettings): Promise<void> {
  const view = new JournalView(service, settings);
  const skipsOld = settings.follow && settings.since === undefined;
  using current = new OpenedJournal(journalName, skipsOld ? "end" : "oldest");
  using before = new OpenedJournal(nameBefore(journalName), "oldest");
  const isThere = current.open();
  // In this order, in which a restart gives the names: between the two looks the first may have become the second.
  const isBeforeThere = !skipsOld && before.open() && before.startedNs !== current.startedNs;
  if (!isThere && !isBeforeThere && !settings.follow) {
    throw new CommandError(
      `cannot read ${journalName} because there is none: has the partition run, with this prefix and a journal (--journal-size)?`,
    );
  }
  view.begin();
  if (isBeforeThere) await view.showAll(before);
  if (isThere && !skipsOld) await view.showAll(current);
  if (settings.follow) await view.follow(current);
  else view.end();
}

class JournalView {
  readonly #service: ServiceName;
  readonly #settings: JournalSettings;
  readonly #format: ChangeFormat;
  readonly #names: PointNames;
  readonly #isWantedKey: (key: string) => boolean;
  readonly #stop = new AbortController();
  readonly #isRunning: boolean;
  readonly #nowNs = BigInt(Date.now()) * 1_000_000n;
  readonly #firstNs: bigint;
  #shown = 0;
  /** The journal that was named last on standard error. */
  #headed: bigint | undefined;

  constructor(service: ServiceName, settings: JournalSettings) {
    const imageName = `${settings.prefix}${service}_image`;
    this.#service = service;
    this.#settings = settings;
    this.#format = settings.csv ? csvLines : settings.json ? jsonLines : textLines;
    this.#names = new PointNames(imageName);
    const pattern = settings.point === undefined ? undefined : patternOf(settings.point);
    this.#isWantedKey = (key) => pattern?.test(key) !== false;
    using image = new OpenedImage(imageName);
    const seen = image.look();
    this.#isRunning = seen?.hasWriter === true;
    const endNs = this.#isRunning ? this.#nowNs : (seen?.image.heartbeatNs ?? this.#nowNs);
    this.#firstNs = settings.since === undefined ? 0n : endNs - BigInt(Math.round(settings.since * 1e9));
    process.stdout.once("close", () => this.#stop.abort());
  }

  begin(): void {
    const { point, prefix } = this.#settings;
    if (point !== undefined && !this.#names.some(this.#isWantedKey))
      printError(`no point has a key like ${point}; ${dumpOf(prefix, this.#service)} shows all keys`);
    if (this.#format.head !== undefined) print(this.#format.head);
  }

  end(): void {
    if (this.#shown === 0 && !this.#stop.signal.aborted) printError("no such change in the journal");
  }

  /** Everything that it has now. */
  async showAll(opened: OpenedJournal): Promise<void> {
    const untilNs = BigInt(Date.now()) * 1_000_000n;
    let isFirst = true;
    while (!this.#stop.signal.aborted) {
      const { changes, lost } = opened.next(batch);
      const oldest = changes[0];
      if (isFirst && oldest !== undefined) this.#tellOverwritten(oldest);
      else if (lost > 0n) tellLost(lost);
      isFirst = false;
      await this.#show(opened, changes);
      if (changes.length === 0 || (changes.at(-1)?.publishedNs ?? 0n) > untilNs) return;
    }
  }

  /** What comes, until a signal or until nobody takes the output any more. */
  async follow(opened: OpenedJournal): Promise<void> {
    const { signal } = this.#stop;
    void stopSignal("SIGHUP").then(() => this.#stop.abort());
    if (opened.startedNs === undefined) printError(`waiting for a partition that writes ${opened.name}`);
    while (!signal.aborted) {
      const { changes, lost } = opened.next(batch);
      if (lost > 0n) tellLost(lost);
      await this.#show(opened, changes);
      if (changes.length === 0) await delay(lookAgainMs, undefined, { signal }).catch(() => {});
    }
  }

  async #show(opened: OpenedJournal, changes: readonly Change[]): Promise<void> {
    const startedNs = opened.startedNs ?? 0n;
    const lines: string[] = [];
    for (const change of changes) {
      if (change.publishedNs < this.#firstNs) continue;
      const point = this.#names.of(change, startedNs) ?? (await this.#names.find(change, startedNs, this.#stop.signal));
      if (this.#isWantedKey(point.key)) lines.push(this.#format.line(change, point));
    }
    if (lines.length > 0) {
      this.#tellJournal(opened.name, startedNs);
      this.#shown += lines.length;
      print(lines.join("\n"));
    }
    // Lets a closed output be noticed.
    await delay(0);
  }

  #tellJournal(name: string, startedNs: bigint): void {
    if (this.#headed === startedNs) return;
    this.#headed = startedNs;
    const isOver = name.endsWith(nameBefore("")) || !(this.#isRunning || this.#settings.follow);
    printError(`${name}: the run that began ${instant(startedNs)}${isOver ? " and has ended" : ""}`);
  }

  /** Only where something of what was asked for is missing. */
  #tellOverwritten({ sequence, publishedNs }: Change): void {
    if (sequence === 0n || publishedNs < this.#firstNs) return;
    printError(
      `${sequence} older changes were overwritten; the oldest that is left is of ${instant(publishedNs)} (a larger --journal-size keeps more)`,
    );
  }
}

function tellLost(lost: bigint): void {
  printError(`${lost} changes were overwritten before they could be read`);
}
