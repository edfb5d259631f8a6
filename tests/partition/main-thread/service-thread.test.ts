// The journal over whole runs of a partition with a real device.

import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { packConfigurations } from "../../../packages/partition/src/commands/pack-configurations.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { OpenedJournal } from "../../../packages/image/src/opened-journal.ts";
import { PointNames } from "../../../packages/image/src/point-names.ts";
import { nameBefore, nameEarlier } from "../../../packages/image/src/kept-names.ts";
import { errno } from "../../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../../packages/image/src/posix/libc.ts";
import type { ImageReader } from "../../../packages/image/src/image-reader.ts";
import type { Change } from "../../../packages/image/src/journal-reader.ts";
import { isGood } from "../../../packages/image/src/values/status-code.ts";
import { Partition, type PartitionOptions } from "../../../packages/partition/src/main-thread/partition.ts";
import { spawnWorker } from "../../../packages/partition/src/main-thread/spawn-worker.ts";
import { filesOf, ownPrefix } from "../../image/posix/own-objects.ts";
import { honest, startDevice } from "../../plant/modbus-device.ts";
import { point, server } from "../../plant/modbus-points.ts";
import { until as untilTrue } from "../../until.ts";
import { recordingLog } from "../sources/test-source.ts";

const watchdog = { timeout: 200_000 };
const counter = "Plant: 3/0";

/** A partition on a device whose register counts its polls. */
async function running(t: TestContext, changes: Partial<PartitionOptions> = {}) {
  const prefix = ownPrefix(t);
  let polls = 0;
  const device = await startDevice(honest((unitId) => (unitId === 1 ? ++polls & 0xffff : 7)));
  t.after(() => device.close());
  const { lines, log } = recordingLog();
  const counting = server(device.port, [point(0)]);
  const servers = (...others: readonly string[]) => ({
    ...packConfigurations({
      modbus: {
        servers: [
          ...others.map((alias) =>
            server(device.port, [point(9, { key: `${alias}: 3/9`, unitId: 2 })], { alias, intervalMs: 3_600_000 }),
          ),
          counting,
        ],
      },
    }),
    opcua: undefined,
  });
  const partition = new Partition({
    ...servers(),
    intervalMs: 10,
    prefix,
    journalBytes: 2 ** 20,
    certificatesDirectory: "",
    removeOnExit: true,
    log,
    ...changes,
  });
  const worker = spawnWorker("modbus");
  partition.start({ modbus: worker });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= partition.stop());
  t.after(stop);
  const names = { image: `${prefix}modbus_image`, journal: `${prefix}modbus_journal` };
  return { prefix, names, lines, partition, worker, servers, stop };
}

async function until(condition: () => boolean): Promise<void> {
  await untilTrue(String(condition), condition, { lookAgainMs: 2 });
}

function keysOf(image: ImageReader | undefined): readonly string[] {
  return (
    image?.directory.servers.flatMap(({ groups }) => groups.flatMap(({ points }) => points.map(({ key }) => key))) ?? []
  );
}

interface Names {
  readonly since: number;
  readonly until: number;
  readonly keys: readonly string[];
}

/** The good values of the counter, in order, with what was lost. */
class CounterChanges {
  readonly #image: OpenedImage;
  readonly #journal: OpenedJournal;
  readonly #known: Names[] = [];
  readonly values: number[] = [];
  readonly generations = new Set<number>();
  lost = 0n;

  constructor(image: OpenedImage, journal: OpenedJournal) {
    this.#image = image;
    this.#journal = journal;
    this.learnNames();
  }

  /** A generation that comes and goes between two calls has names that nobody knows. */
  learnNames(): void {
    const image = this.#image.current();
    if (image === undefined || this.#namesOf(image.generation) !== undefined) return;
    this.#known.push({ since: image.pointsSince, until: image.generation, keys: keysOf(image) });
  }

  async read(): Promise<void> {
    await pause(1); // the partition's main thread is this one
    const { changes, lost } = this.#journal.next();
    this.lost += lost;
    for (const change of changes) {
      this.generations.add(change.generation);
      if ((await this.#keyOf(change)) === counter && isGood(change.status)) this.values.push(Number(change.value));
    }
  }

  async #keyOf({ point: number, generation }: Change): Promise<string | undefined> {
    await until(() => {
      this.learnNames();
      return this.#namesOf(generation) !== undefined;
    });
    return this.#namesOf(generation)?.keys[number];
  }

  #namesOf(generation: number): Names | undefined {
    return this.#known.find(({ since, until: last }) => since <= generation && generation <= last);
  }
}

test(
  "a snapshot and every change since it have no gap and no double, over reloads that renumber the points",
  watchdog,
  async (t) => {
    const { names, partition, servers, lines } = await running(t);
    using image = new OpenedImage(names.image);
    using journal = new OpenedJournal(names.journal);
    await until(() => (image.current()?.snapshot(0)?.state.cycle ?? 0n) > 2n);
    const snapshot = image.current()!.snapshot(0)!;
    assert.ok(snapshot.state.journalPosition > 0n);
    assert.equal(journal.seek(snapshot.state.journalPosition), true);
    const seen = new CounterChanges(image, journal);
    await seen.read();
    for (const others of [["A"], ["B", "A"], ["C"], []]) {
      const before = image.current()!.generation;
      const polled = seen.values.length;
      partition.reconfigure(servers(...others));
      await until(() => {
        seen.learnNames();
        return image.current()!.generation > before;
      });
      while (seen.values.length < polled + 5) await seen.read();
    }
    assert.ok(seen.generations.size >= 4, [...seen.generations].join());
    const first = Number(snapshot.reading(0).value);
    assert.deepEqual(
      seen.values,
      seen.values.map((_, index) => first + 1 + index),
    );
    assert.equal(seen.lost, 0n);
    assert.deepEqual(
      lines.filter(({ level }) => level === "error" || level === "warn"),
      [],
    );
    using earlier = new OpenedImage(nameEarlier(names.image));
    assert.deepEqual(keysOf(earlier.current()), ["C: 3/9", counter], "the last one with other numbers");
    assert.equal(earlier.current()?.startedNs, image.current()?.startedNs);
  },
);

test(
  "what a thread that crashed has written keeps its name, beside the image that explains it",
  watchdog,
  async (t) => {
    const { names, prefix, worker, stop } = await running(t);
    using journal = new OpenedJournal(names.journal, "oldest");
    using image = new OpenedImage(names.image);
    await until(() => (image.current()?.snapshot(0)?.state.cycle ?? 0n) > 5n);
    assert.equal(journal.open(), true);
    const crashed = image.current()!.startedNs;
    await worker.terminate();
    const last = image.current()?.snapshot(0);
    await until(() => (image.current()?.startedNs ?? crashed) !== crashed);
    using imageBefore = new OpenedImage(nameBefore(names.image));
    using journalBefore = new OpenedJournal(nameBefore(names.journal), "oldest");
    const { changes } = journalBefore.next();
    assert.deepEqual([imageBefore.current()?.startedNs, keysOf(imageBefore.current())], [crashed, [counter]]);
    const values = changes.map(({ value }) => Number(value));
    assert.deepEqual(
      values,
      values.map((_, index) => 1 + index),
    );
    assert.equal(last?.reading(0).value, values.at(-1));
    await until(() => journal.next().isNewJournal);
    await stop();
    assert.deepEqual(filesOf(prefix), []);
  },
);

/** Looks, as a reader that has just come, before every call to the system that this thread makes. */
function lookBeforeEveryCall(t: TestContext, look: (call: string) => void): void {
  let isLooking = false;
  injectFaults((call) => {
    if (isLooking) return undefined;
    isLooking = true;
    look(call);
    isLooking = false;
    return undefined;
  });
  t.after(() => injectFaults(undefined));
}

test(
  "whenever a reader comes, each journal is there once, and the images name every change in it that they ever named",
  watchdog,
  async (t) => {
    const { names, worker, partition, servers, stop } = await running(t);
    using image = new OpenedImage(names.image);
    await until(() => (image.current()?.snapshot(0)?.state.cycle ?? 0n) > 5n);
    const named = new Set<string>();
    const wrong: string[] = [];
    let runs: readonly string[] = [];
    let isRunning = true;
    lookBeforeEveryCall(t, (call) => {
      const journals = [names.journal, nameBefore(names.journal)].map((name) => new OpenedJournal(name, "oldest"));
      for (const journal of journals) journal.open();
      const known = new PointNames(names.image);
      for (const journal of journals) {
        const run = journal.startedNs ?? 0n;
        for (const generation of new Set(journal.next().changes.map((change) => change.generation))) {
          const what = `generation ${generation} of ${run}`;
          if (known.of({ point: 0, generation }, run) !== undefined) named.add(what);
          else if (named.has(what)) wrong.push(`before ${call}: nothing names ${what} in ${journal.name}`);
        }
      }
      const there = journals.flatMap(({ startedNs }) => (startedNs === undefined ? [] : [String(startedNs)]));
      if (isRunning && runs.some((run) => !there.includes(run)) && there.length < 2)
        wrong.push(`before ${call}: of ${runs.join()} only ${there.join()}`);
      runs = there;
      for (const journal of journals) journal.close();
    });
    const crashed = image.current()!.startedNs;
    await worker.terminate();
    await until(() => (image.current()?.startedNs ?? crashed) !== crashed);
    await until(() => (image.current()?.snapshot(0)?.state.journalPosition ?? 0n) > 0n);
    await until(() => (image.current()?.snapshot(0)?.state.cycle ?? 0n) > 5n);
    partition.reconfigure(servers("A"));
    await until(() => keysOf(image.current()).includes("A: 3/9"));
    isRunning = false;
    await stop();
    assert.deepEqual(wrong, []);
    assert.ok(named.size >= 2, [...named].join());
  },
);

test(
  "the image of a kept journal is kept, too, when the next one gets its name at the second attempt",
  watchdog,
  async (t) => {
    const { names, worker } = await running(t);
    using image = new OpenedImage(names.image);
    await until(() => (image.current()?.snapshot(0)?.state.cycle ?? 0n) > 2n);
    const crashed = image.current()!.startedNs;
    let isKept = false;
    let refusals = 0;
    injectFaults((call) => {
      if (call === "rename") isKept = true;
      return isKept && call === "fchmod" && refusals++ === 0 ? errno.EPERM : undefined;
    });
    t.after(() => injectFaults(undefined));
    await worker.terminate();
    await until(() => (image.current()?.startedNs ?? crashed) !== crashed);
    assert.ok(refusals > 0);
    using before = new OpenedImage(nameBefore(names.image));
    assert.equal(before.current()?.startedNs, crashed);
  },
);

test("a larger image that finds no room gets that of the journal before", watchdog, async (t) => {
  const { names, lines, partition, servers, worker } = await running(t);
  using image = new OpenedImage(names.image);
  await until(() => (image.current()?.snapshot(0)?.state.cycle ?? 0n) > 2n);
  const crashed = image.current()!.startedNs;
  await worker.terminate();
  await until(() => (image.current()?.startedNs ?? crashed) !== crashed);
  assert.equal(existsSync(`/dev/shm/${nameBefore(names.journal)}`), true);
  let refusals = 0;
  injectFaults((call) => (call === "posix_fallocate" && refusals++ === 0 ? errno.ENOSPC : undefined));
  t.after(() => injectFaults(undefined));
  partition.reconfigure(servers("A"));
  await until(() => keysOf(image.current()).includes("A: 3/9"));
  assert.equal(existsSync(`/dev/shm/${nameBefore(names.journal)}`), false);
  const messages = lines.filter(({ level }) => level === "warn").map(({ message }) => message);
  assert.deepEqual(messages, ["the journal of the run before was removed: a process image needs its room"]);
});

test("a journal that somebody removed is back, and the next snapshot names a position in it", watchdog, async (t) => {
  const { names, lines } = await running(t);
  using image = new OpenedImage(names.image);
  await until(() => (image.current()?.snapshot(0)?.state.cycle ?? 0n) > 2n);
  using reading = new OpenedJournal(names.journal);
  const before = image.current()!.snapshot(0)!.state.journalPosition;
  assert.equal(reading.seek(before), true);
  rmSync(`/dev/shm/${names.journal}`);
  using journal = new OpenedJournal(names.journal);
  await until(() => journal.seek(image.current()?.snapshot(0)?.state.journalPosition ?? 0n));
  assert.equal(journal.seek(before), false);
  const seen = new CounterChanges(image, reading);
  while (seen.values.length < 20 || !lines.some(({ message }) => message.includes("journal"))) await seen.read();
  assert.deepEqual(
    seen.values,
    seen.values.map((_, index) => (seen.values[0] ?? 0) + index),
    "no gap over two journals",
  );
  assert.deepEqual(
    lines.filter(({ level }) => level === "warn").map(({ message }) => message),
    ["somebody removed the journal: a new one is made"],
  );
});
