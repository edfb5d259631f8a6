// One service whose servers are read by several threads, with real devices: what readers of image and journal rely on holds as with one.

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { packConfigurations } from "../../../packages/partition/src/commands/pack-configurations.ts";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { OpenedJournal } from "../../../packages/image/src/opened-journal.ts";
import type { ImageReader } from "../../../packages/image/src/image-reader.ts";
import { isGood, StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { Partition, type PartitionOptions } from "../../../packages/partition/src/main-thread/partition.ts";
import { filesOf, ownPrefix } from "../../image/posix/own-objects.ts";
import { honest, startDevice, type RogueDevice } from "../../plant/modbus-device.ts";
import { point, server } from "../../plant/modbus-points.ts";
import { until } from "../../until.ts";
import { recordingLog } from "../sources/test-source.ts";

const watchdog = { timeout: 200_000 };

/** A device whose registers count the polls. */
async function countingDevice(t: TestContext): Promise<RogueDevice> {
  let polls = 0;
  const device = await startDevice(honest(() => (polls = (polls + 1) & 0xffff)));
  t.after(() => device.close());
  return device;
}

async function running(t: TestContext, devices: number, changes: Partial<PartitionOptions> = {}) {
  const prefix = ownPrefix(t);
  const plants = await Promise.all(Array.from({ length: devices }, () => countingDevice(t)));
  const { lines, log } = recordingLog();
  /** The devices with these numbers, in this order. */
  const configuration = (numbers: readonly number[]) => ({
    opcua: undefined,
    ...packConfigurations({
      modbus: {
        servers: numbers.map((number) =>
          server(plants[number]!.port, [point(0, { key: keyOf(number) })], {
            alias: `device ${number}`,
            retryIntervalMs: 50,
          }),
        ),
      },
    }),
  });
  const partition = new Partition({
    ...configuration(plants.map((_, number) => number)),
    intervalMs: 10,
    prefix,
    journalBytes: 2 ** 20,
    certificatesDirectory: "",
    removeOnExit: true,
    threads: 3,
    log,
    ...changes,
  });
  partition.start();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= partition.stop());
  t.after(stop);
  const image = new OpenedImage(`${prefix}modbus_image`);
  t.after(() => image.close());
  return { prefix, plants, lines, partition, configuration, stop, image };
}

function keyOf(number: number): string {
  return `Device ${number}: 3/0`;
}

function keysOf(image: ImageReader): readonly string[] {
  return image.directory.groups.flatMap(({ points }) => points.map(({ key }) => key));
}

/** Every server has been polled more than so often. */
function polled(image: OpenedImage, count: bigint): boolean {
  const current = image.current();
  const groups = current?.directory.groups ?? [];
  return groups.length > 0 && groups.every((_, group) => (current?.snapshot(group)?.state.cycle ?? 0n) > count);
}

test(
  "a snapshot and every change since it have no gap and no double, whichever thread reads the server",
  watchdog,
  async (t) => {
    const { prefix, lines, image } = await running(t, 5);
    await until("all servers are polled", () => polled(image, 2n));
    using journal = new OpenedJournal(`${prefix}modbus_journal`);
    const current = image.current()!;
    const snapshots = current.directory.groups.map((_, group) => current.snapshot(group)!);
    const positions = snapshots.map(({ state }) => state.journalPosition);
    const first = positions.reduce((one, other) => (other < one ? other : one));
    assert.equal(journal.seek(first), true);
    const values = snapshots.map((snapshot) => [Number(snapshot.reading(0).value)]);
    let lost = 0n;
    const sequences: bigint[] = [];
    while (values.some((own) => own.length < 200)) {
      await pause(1);
      const next = journal.next();
      lost += next.lost;
      for (const { position, group, value, sequence } of next.changes) {
        sequences.push(sequence);
        if (position >= positions[group]!) values[group]!.push(Number(value));
      }
    }
    assert.equal(lost, 0n);
    for (const [group, own] of values.entries())
      assert.deepEqual(
        own,
        own.map((_, index) => own[0]! + index),
        `device ${group}`,
      );
    assert.deepEqual(
      sequences,
      sequences.map((_, index) => sequences[0]! + BigInt(index)),
    );
    assert.deepEqual(
      lines.filter(({ message }) => message.includes("threads")).map(({ fields }) => fields?.["threads"]),
      [3],
    );
  },
);

test(
  "a reload leaves servers that stay undisturbed in whichever thread they are, and divides new ones",
  watchdog,
  async (t) => {
    const { plants, partition, configuration, image, lines } = await running(t, 6);
    await until("all servers are polled", () => polled(image, 2n));
    for (const numbers of [
      [5, 4, 3, 2],
      [2, 0, 5, 1],
      [0, 1, 2, 3, 4, 5],
    ]) {
      partition.reconfigure(configuration(numbers));
      const keys = numbers.map(keyOf).join();
      await until(`they are ${keys}`, () => keysOf(image.current()!).join() === keys && polled(image, 2n));
      const current = image.current()!;
      for (const [group, number] of numbers.entries()) {
        const { value, status } = current.snapshot(group)!.reading(0);
        assert.ok(isGood(status));
        assert.ok(Number(value) > 0 && plants[number]!.openSockets() === 1);
      }
      await until("the others are closed", () =>
        plants.every((plant, number) => plant.openSockets() === (numbers.includes(number) ? 1 : 0)),
      );
    }
    assert.deepEqual(
      plants.map(({ connections }) => connections),
      [2, 2, 1, 2, 2, 1],
    );
    assert.deepEqual(
      lines.filter(({ level }) => level === "error" || level === "warn"),
      [],
    );
  },
);

test("a server that is lost in a polling thread is shown as lost, and comes back", watchdog, async (t) => {
  const { plants, image, lines } = await running(t, 3);
  await until("all servers are polled", () => polled(image, 2n));
  const stateOf = (index: number) => image.current()?.serverState(index);
  for (const number of [1, 2]) {
    const plant = plants[number]!;
    plant.onConnection = (socket) => socket.destroy();
    plant.dropAll();
    await until("it is lost", () => stateOf(number)?.connection === ConnectionState.lost);
    // The state of a server comes into the image before the statuses of its points.
    const statusOf = () => image.current()!.snapshot(number)!.reading(0).status;
    await until("its points are bad", () => statusOf() === StatusCode.BadNoCommunication);
    const isTold = () =>
      lines.some(({ level, fields }) => level === "warn" && fields?.["server"] === `device ${number}`);
    await until("it is told", isTold);
    plant.onConnection = () => {};
    await until("it is back", () => stateOf(number)?.connection === ConnectionState.connected);
  }
  assert.equal(stateOf(0)?.connection, ConnectionState.connected);
});

test("every thread ends in time, shows its servers as closed, and leaves nothing behind", watchdog, async (t) => {
  const { prefix, plants, image, lines, stop } = await running(t, 4);
  await until("all servers are polled", () => polled(image, 2n));
  const last = image.current()!;
  await stop();
  assert.equal(last.isRetired, true);
  for (let group = 0; group < 4; group++) {
    assert.equal(last.snapshot(group)!.reading(0).status, StatusCode.BadShutdown);
    assert.equal(plants[group]!.openSockets(), 0);
  }
  assert.deepEqual(filesOf(prefix), []);
  assert.deepEqual(
    lines.filter(({ level }) => level === "error" || level === "warn"),
    [],
  );
});

test("a small configuration has one thread", watchdog, async (t) => {
  const { image, lines } = await running(t, 3, { threads: undefined });
  await until("all servers are polled", () => polled(image, 2n));
  assert.deepEqual(
    lines.filter(({ message }) => message.includes("threads")),
    [],
  );
});

test("a tick of the image waits for the polls of every thread", watchdog, async (t) => {
  const { plants, image } = await running(t, 2, { intervalMs: 500, threads: 2 });
  const answerAtOnce = plants[1]!.behaviour;
  plants[1]!.behaviour = (request) => {
    setTimeout(() => request.socket.write(answerAtOnce(request)!), 50);
    return undefined;
  };
  await until("all servers are polled", () => polled(image, 1n));
  const current = image.current()!;
  const agesMs: number[] = [];
  for (let { ticks } = current; agesMs.length < 10;) {
    await pause(1);
    if (current.ticks === ticks) continue;
    ({ ticks } = current);
    agesMs.push(Date.now() - Number(current.snapshot(1)!.state.publishedNs / 1_000_000n));
  }
  // On a busy machine most polls may take more than the 250 ms that a tick waits.
  assert.ok(Math.min(...agesMs) < 300, `the values are ${agesMs.join(", ")} ms old at ticks`);
});
