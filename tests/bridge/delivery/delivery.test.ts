import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { DeliverySettings } from "../../../packages/bridge/src/configuration/delivery-settings.ts";
import { Delivery } from "../../../packages/bridge/src/delivery/delivery.ts";
import { SegmentQueue } from "../../../packages/bridge/src/queue/segment-queue.ts";
import { markCount } from "../../../packages/image/src/journal-layout.ts";
import { OpenedJournal } from "../../../packages/image/src/opened-journal.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { serverOf } from "../../image/sample-image.ts";
import { until } from "../../until.ts";
import { BridgedPlant } from "../bridged-plant.ts";
import { RecordingOutput } from "./recording-output.ts";

const settings: DeliverySettings = {
  include: [],
  exclude: [],
  deadbands: [],
  minimumIntervalMs: 0,
  batchMs: 5,
  queueBytes: 16 * 2 ** 20,
  historyPerSecond: 1_000_000,
};

interface Logged {
  readonly level: string;
  readonly message: string;
}

function place(t: TestContext, ringBytes?: number) {
  const plant = new BridgedPlant(t, [serverOf("Kessel", 0, 0), serverOf("Pumpe", 0)], ringBytes);
  const stateFolder = mkdtempSync(join(tmpdir(), "cpc-bridge-"));
  t.after(() => rmSync(stateFolder, { recursive: true }));
  const logged: Logged[] = [];
  const log = (level: string, message: string): number => logged.push({ level, message });
  const start = (output: RecordingOutput, changed: Partial<DeliverySettings> = {}) => {
    const stop = new AbortController();
    const delivery = new Delivery(output, { ...settings, ...changed }, { prefix: plant.prefix, stateFolder, log });
    const running = delivery.run(stop.signal);
    const end = async (): Promise<void> => {
      stop.abort();
      await running;
      delivery[Symbol.dispose]();
    };
    return { delivery, end };
  };
  /** Until the births have come. */
  const begin = async (changed?: Partial<DeliverySettings>) => {
    const output = new RecordingOutput();
    const run = start(output, changed);
    await until("births", () => output.births.length > 0);
    return { output, ...run };
  };
  return { plant, start, begin, logged, stateFolder };
}

async function born(t: TestContext, changed?: Partial<DeliverySettings>) {
  const placed = place(t);
  return { ...placed, ...(await placed.begin(changed)) };
}

/** The first change of the first run was delivered, live. */
async function delivered(t: TestContext, ringBytes?: number) {
  const placed = place(t, ringBytes);
  const first = await placed.begin();
  placed.plant.set(0, 1);
  await until("the first change", () => first.output.values("live").length === 1);
  return { ...placed, first };
}

test("births come first, then every change once, live and in order", async (t) => {
  const { plant, begin } = place(t);
  plant.set(0, 1);
  const { output, end } = await begin();
  for (let value = 2; value < 300; value++) plant.set(0, value);
  await until("the last change", () => output.values("live").at(-1) === 299);
  await end();
  const [birth] = output.births;
  assert.equal(birth?.scope, "all");
  assert.deepEqual(
    birth.births.map(({ server, isConnected, values }) => [server, isConnected, values.map(({ value }) => value)]),
    [
      ["Kessel", true, [1, null]],
      ["Pumpe", true, [null]],
    ],
  );
  assert.deepEqual(
    [...output.values("history"), ...output.values("live")],
    Array.from({ length: 298 }, (_, n) => n + 2),
  );
  assert.deepEqual([output.told.at(0)?.what, output.told.at(-1)?.what], ["connect", "end"]);
});

test("what changes while nobody is connected comes as history, marked, beside what is live", async (t) => {
  const { plant, output, delivery, end } = await born(t);
  output.isUp = false;
  output.cut();
  await until("the end of the connection", () => !delivery.state.isConnected);
  for (let value = 1; value <= 100; value++) plant.set(0, value);
  await until("all changes in the queue", () => delivery.state.queuedChanges === 100);
  output.isUp = true;
  output.print = "changed";
  await until("births again", () => output.births.length === 2);
  plant.set(1, 7);
  await until("everything", () => output.values("history").length === 100 && output.values("live").length === 1);
  await until("an empty queue", () => delivery.state.queuedChanges === 0);
  await end();
  assert.deepEqual(
    output.values("history"),
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  assert.deepEqual(output.values("live"), [7]);
  assert.equal(output.births[1]?.births[0]?.values[0]?.value, 100);
  assert.ok(output.batches.every(({ isRepeat }) => !isRepeat));
});

test("a batch whose proof did not come is repeated once, marked", async (t) => {
  const { plant, output, end } = await born(t);
  output.fate = "lose";
  plant.set(0, 1);
  await until("the loss", () => output.batches.length === 1);
  output.fate = "take";
  output.print = "changed";
  await until("the repeat", () => output.batches.length === 2);
  await end();
  assert.deepEqual(
    output.batches.map(({ kind, isRepeat, changes }) => [kind, isRepeat, changes.map(({ value }) => value)]),
    [
      ["live", false, [1]],
      ["history", true, [1]],
    ],
  );
  assert.deepEqual(output.batches[0]?.changes[0]?.position, output.batches[1]?.changes[0]?.position);
});

test("a bridge that was killed goes on where it was, and marks what it may have sent", async (t) => {
  const { plant, start, first } = await delivered(t);
  first.output.fate = "hang";
  plant.set(0, 2);
  await until("the second change, unproven", () => first.output.values("live").length === 2);
  // Nothing of the first one runs any more but what waits for a proof that never comes; its files are as they are.
  plant.set(0, 3);
  const second = new RecordingOutput();
  const { end } = start(second);
  await until("both changes", () => second.values("history").length === 2);
  await end();
  assert.deepEqual(
    second.batches.map(({ kind, isRepeat, changes }) => [kind, isRepeat, changes.map(({ value }) => value)]),
    [
      ["history", true, [2]],
      ["history", false, [3]],
    ],
  );
  first.output.cut();
  await first.end();
});

test("changes of a partition that was restarted while the bridge was down are read to the end of the old journal", async (t) => {
  const { plant, start, first } = await delivered(t);
  await first.end();
  plant.set(0, 2);
  plant.restart();
  plant.set(0, 3);
  const second = new RecordingOutput();
  const { delivery, end } = start(second);
  await until("the changes of both runs", () => second.values("history").includes(3));
  await end();
  assert.deepEqual(
    second.values("history").filter((value) => value !== null),
    [2, 3],
  );
  assert.equal(delivery.state.lostChanges, 0);
  assert.deepEqual(
    [...new Set(second.batches.flatMap(({ changes }) => changes.map(({ point }) => point.key)))],
    ["Kessel: 0"],
  );
});

for (const moment of [1, 2, 3, 4])
  test(`a partition that is restarted when a bridge has opened ${moment} journals costs no change, and none comes twice`, async (t) => {
    const { plant, start, first } = await delivered(t);
    await first.end();
    plant.set(0, 2);
    let opened = 0;
    let isRestarted = false;
    const restart = (): void => {
      if (isRestarted) return;
      isRestarted = true;
      plant.restart();
      plant.set(0, 3);
    };
    const { open } = OpenedJournal.prototype as { readonly open: (this: OpenedJournal) => boolean };
    t.mock.method(OpenedJournal.prototype, "open", function (this: OpenedJournal): boolean {
      const isOpen = open.call(this);
      if (this.name.includes("opcua_journal") && ++opened === moment) restart();
      return isOpen;
    });
    const second = new RecordingOutput();
    const { delivery, end } = start(second);
    await until("the bridge follows", () => second.births.length > 0);
    // The bridge may open fewer.
    restart();
    await until("the last change", () =>
      second.batches.some(({ changes }) => changes.some(({ value }) => value === 3)),
    );
    await end();
    assert.deepEqual(
      second.batches.flatMap(({ changes }) => changes.map(({ value }) => value)).filter((value) => value !== null),
      [2, 3],
    );
    assert.equal(delivery.state.lostChanges, 0);
  });

test("changes of a partition that was restarted twice while the engine took nothing are read from all three journals", async (t) => {
  const { plant, output, delivery, end, logged } = await born(t);
  output.fate = "wait";
  plant.set(0, 1);
  await until("the first batch, unproven", () => output.values("live").length === 1);
  for (const value of [2, 3, 4]) {
    plant.set(0, value);
    if (value < 4) plant.restart();
  }
  output.fate = "take";
  output.prove();
  await until("the last change", () => output.values("history").includes(4));
  await end();
  assert.deepEqual(
    output.values("history").filter((value) => value !== null),
    [2, 3, 4],
  );
  assert.equal(delivery.state.lostChanges, 0);
  assert.ok(logged.some(({ message }) => message.includes("changes of an earlier run may have been overwritten")));
});

test("changes that were overwritten are counted and told, and current values follow", async (t) => {
  const { plant, start, logged, first } = await delivered(t, 64 * markCount);
  await first.end();
  for (let value = 2; value <= 2001; value++) plant.set(0, value);
  const second = new RecordingOutput();
  const { delivery, end } = start(second);
  await until("what is left", () => second.values("history").at(-1) === 2001);
  await end();
  const { lostChanges } = delivery.state;
  assert.equal(second.values("history").length + lostChanges, 2000);
  assert.ok(lostChanges > 0);
  assert.equal(second.births[0]?.births[0]?.values[0]?.value, 2001);
  assert.match(
    logged.map(({ message }) => message).join("\n"),
    /\d+ changes were overwritten in \S+opcua_journal .*--journal-size/,
  );
});

test("a lost connection of a server is told behind its last changes, and births bring it back", async (t) => {
  const { plant, output, end } = await born(t);
  plant.set(0, 1);
  plant.setStatus(0, StatusCode.BadNotConnected);
  plant.connect(0, "lost");
  await until("the death", () => output.births.length === 2);
  plant.set(0, 2);
  plant.connect(0, "connected");
  await until("the return", () => output.births.length === 3);
  plant.set(0, 3);
  await until("the last change", () => output.values("live").at(-1) === 3);
  await end();
  const [, death, back] = output.births;
  assert.deepEqual(
    [death, back].map((one) => [one?.scope, one?.births.map(({ server, isConnected }) => [server, isConnected])]),
    [
      ["changed", [["Kessel", false]]],
      ["changed", [["Kessel", true]]],
    ],
  );
  const order = output.told.flatMap((one) =>
    one.what === "batch" ? one.batch.changes.map(({ value }) => value) : one.what,
  );
  assert.ok(order.indexOf(1) < order.lastIndexOf("births"));
  assert.ok(output.values("live").includes(1) || output.values("history").includes(1));
});

test("while the partition is dead its servers are, too", async (t) => {
  const { plant, output, end } = await born(t);
  plant.restart();
  await until(
    "births of the new run",
    () => output.births.at(-1)?.births[0]?.values[0]?.run !== output.births[0]?.births[0]?.values[0]?.run,
  );
  plant.set(0, 5);
  await until("its change", () => output.values("live").at(-1) === 5);
  await end();
});

test("a host that asks for births all the time gets them every five seconds at most", async (t) => {
  const { plant, output, end } = await born(t);
  const beganMs = performance.now();
  for (let value = 0; value < 20; value++) {
    output.wantBirths();
    plant.set(0, value);
    await until(
      "the change",
      () => output.values("live").at(-1) === value || output.values("history").at(-1) === value,
    );
  }
  await end();
  assert.ok(output.births.length <= 2 + (performance.now() - beganMs) / 5000);
});

test("points that are not chosen are neither born nor published", async (t) => {
  const { plant, output, end } = await born(t, { include: [/^Kessel\//], exclude: [/1$/] });
  plant.set(1, 8);
  plant.set(0, 9);
  await until("the change", () => output.values("live").includes(9));
  await end();
  assert.deepEqual(
    output.births[0]?.births.map(({ server, values }) => [server, values.length]),
    [["Kessel", 1]],
  );
  assert.ok(!output.values("live").includes(8));
});

test("the first batch ever is not lost when the bridge is killed meanwhile, nor what comes before it", async (t) => {
  const { plant, start, begin } = place(t);
  plant.set(0, 1);
  const first = await begin();
  first.output.fate = "hang";
  plant.set(0, 2);
  await until("the first batch, unproven", () => first.output.values("live").length === 1);
  const second = new RecordingOutput();
  const { end } = start(second);
  await until("the change", () => second.batches.length > 0);
  await end();
  assert.deepEqual(
    second.batches.map(({ isRepeat, changes }) => [isRepeat, changes.map(({ value }) => value)]),
    [[true, [2]]],
  );
  first.output.cut();
  await first.end();
});

test("what changes between the first run of a bridge and the second is delivered, though the first delivered nothing", async (t) => {
  const { plant, start, begin } = place(t);
  plant.set(0, 1);
  const first = await begin();
  await first.end();
  plant.set(0, 2);
  const second = new RecordingOutput();
  const { end } = start(second);
  await until("the change", () => second.batches.length > 0);
  await end();
  assert.deepEqual(second.values("history"), [2]);
});

test("every change of a large batch that was under way is marked, and no other", async (t) => {
  const { plant, start, first } = await delivered(t, 64 * 256 * markCount);
  first.output.fate = "hang";
  for (let value = 2; value <= 5000; value++) plant.set(0, value);
  await until("a batch", () => first.output.values("live").length > 1);
  const sent = first.output.values("live").length;
  const second = new RecordingOutput();
  const { end } = start(second);
  await until("the rest", () => second.values("history").length === 4999);
  await end();
  const marks = second.batches.flatMap(({ isRepeat, changes }) => changes.map(() => isRepeat));
  assert.equal(sent, 4001, "as many as one batch has, behind the first change");
  assert.deepEqual(
    marks,
    Array.from({ length: 4999 }, (_, n) => n < 4000),
  );
  first.output.cut();
  await first.end();
});

/** As the system refuses it. */
function fails(call: string) {
  return (): never => {
    throw Object.assign(new Error(`EMFILE: too many open files, ${call}`), { code: "EMFILE", syscall: call });
  };
}

test("a disk that takes or gives nothing for a while is told, and delays nothing that is live", async (t) => {
  const { plant, output, delivery, end, logged } = await born(t);
  output.isUp = false;
  output.cut();
  await until("the end of the connection", () => !delivery.state.isConnected);
  plant.set(0, 1);
  await until("a change in the queue", () => delivery.state.queuedChanges === 1);
  const flush = t.mock.method(SegmentQueue.prototype, "flush", fails("fsync"));
  const read = t.mock.method(SegmentQueue.prototype, "read", fails("open"));
  output.isUp = true;
  output.print = "changed";
  await until("births again", () => output.births.length === 2);
  plant.set(0, 2);
  await until("what is live", () => output.values("live").includes(2));
  const messages = (): string => logged.map(({ message }) => message).join("\n");
  await until(
    "both troubles",
    () => /queue: EMFILE.*open;/.test(messages()) && /queue: EMFILE.*fsync;/.test(messages()),
  );
  flush.mock.restore();
  read.mock.restore();
  await until("what waited", () => output.values("history").includes(1));
  await end();
});

/** Two changes wait in the queue of a bridge that has ended. */
async function queued(t: TestContext) {
  const placed = place(t);
  const first = await placed.begin();
  first.output.isUp = false;
  first.output.cut();
  await until("the end of the connection", () => !first.delivery.state.isConnected);
  for (const value of [1, 2]) {
    placed.plant.set(0, value);
    await until("the change in the queue", () => first.delivery.state.queuedChanges === value);
  }
  await first.end();
  return { ...placed, folder: join(placed.stateFolder, "queue") };
}

test("changes that the disk lost while no bridge ran are counted and logged", async (t) => {
  const { folder, begin, logged } = await queued(t);
  const newest = readdirSync(folder).find((name) => name.endsWith(".queue"));
  truncateSync(join(folder, newest ?? ""), 100);
  const { output, delivery, end } = await begin();
  await until("the loss", () => delivery.state.droppedChanges === 2);
  await until("an empty queue", () => delivery.state.queuedChanges === 0);
  await end();
  assert.deepEqual(output.batches, []);
  assert.deepEqual(
    logged.filter(({ level }) => level === "error"),
    [
      {
        level: "error",
        message: "2 queued changes are lost because their file is damaged or gone; look at the disk of --state",
      },
    ],
  );
});

test("when it is not known what was sent of the queue, all of it is sent again, marked", async (t) => {
  const { plant, folder, begin, logged } = await queued(t);
  rmSync(join(folder, "bounds"));
  const { output, delivery, end } = await begin();
  await until("what waited", () => output.values("history").length === 2);
  assert.deepEqual(output.values("history"), [1, 2]);
  assert.ok(output.batches.every(({ isRepeat }) => isRepeat));
  output.isUp = false;
  output.cut();
  await until("the end of the connection", () => !delivery.state.isConnected);
  plant.set(0, 3);
  await until("a change in the queue", () => delivery.state.queuedChanges === 1);
  output.isUp = true;
  output.print = "changed";
  await until("the change", () => output.values("history").length === 3);
  await end();
  assert.equal(output.batches.at(-1)?.isRepeat, false);
  assert.equal(logged.filter(({ message }) => message.includes("sent again")).length, 1);
});

test("what an engine does not take in time goes to the queue before the journal is overrun, and births follow", async (t) => {
  const { plant, output, delivery, end, logged } = await born(t);
  output.fate = "wait";
  plant.set(0, 1);
  await until("the first batch, unproven", () => output.values("live").length === 1);
  const halfOfTheJournal = 2500;
  for (let value = 2; value <= halfOfTheJournal; value++) plant.set(0, value);
  output.fate = "take";
  output.prove();
  await until("what waited", () => output.values("history").at(-1) === halfOfTheJournal);
  await until("births again", () => output.births.length === 2);
  plant.set(0, 0);
  await until("what is live behind them", () => output.values("live").at(-1) === 0);
  await end();
  assert.deepEqual(
    output.values("history"),
    Array.from({ length: halfOfTheJournal - 1 }, (_, n) => n + 2),
  );
  assert.deepEqual(output.values("live"), [1, 0]);
  assert.equal(output.births[1]?.births[0]?.values[0]?.value, halfOfTheJournal);
  assert.equal(delivery.state.lostChanges, 0);
  assert.deepEqual(
    logged.filter(({ message }) => message.includes("more slowly")).map(({ level }) => level),
    ["warn"],
  );
});

test("a turn reads everything that there is, also behind a batch that is not full", async (t) => {
  const { plant, start, first } = await delivered(t, 64 * 256 * markCount);
  await first.end();
  for (let value = 2; value <= 5000; value++) plant.set(0, value);
  const second = new RecordingOutput();
  second.isUp = false;
  // The first batch lacks the change that was delivered. There is no second turn within this test.
  const { delivery, end } = start(second, { batchMs: 600_000 });
  await until("all of them are kept", () => delivery.state.queuedChanges === 4999);
  await end();
});
