import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, rmdirSync, statSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { packConfigurations } from "../../../packages/partition/src/commands/pack-configurations.ts";
import type { ModbusServer } from "../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { OpenedImage } from "../../../packages/image/src/opened-image.ts";
import { AnotherWriterError } from "../../../packages/image/src/posix/single-writer.ts";
import { ImageOwner } from "../../../packages/partition/src/main-thread/image-owner.ts";
import { Partition } from "../../../packages/partition/src/main-thread/partition.ts";
import { spawnWorker } from "../../../packages/partition/src/main-thread/spawn-worker.ts";
import { ConsumerPair } from "../../../packages/documents/src/consumer-pair.ts";
import { consumerPairNames } from "../../../packages/documents/src/consumer-names.ts";
import { point, server } from "../../plant/modbus-points.ts";
import { honest, startDevice } from "../../plant/modbus-device.ts";
import { recordingLog } from "../sources/test-source.ts";
import { WholePartition, type WholeOptions } from "../whole-partition.ts";
import { filesOf, ownPrefix } from "../../image/posix/own-objects.ts";
import { parseDocument } from "../../documents/parse-document.ts";
import { until as untilTrue } from "../../until.ts";

const watchdog = { timeout: 200_000 };
const connection = "ModbusTCP Connections:Plant: Connection status";

type Document = Readonly<Record<string, { readonly value: unknown }>>;

function modbus(servers: readonly ModbusServer[]) {
  return packConfigurations({ modbus: { servers } }).modbus;
}

async function setUp(t: TestContext, changes: Partial<WholeOptions> = {}) {
  const prefix = ownPrefix(t);
  const device = await startDevice(honest(() => Date.now() & 0xffff));
  t.after(() => device.close());
  const { lines, log } = recordingLog();
  const options: WholeOptions = {
    opcua: undefined,
    modbus: modbus([server(device.port, [point(0)])]),
    intervalMs: 20,
    naming: { consumers: [], prefix },
    segmentBytes: undefined,
    certificatesDirectory: "",
    removeOnExit: true,
    log,
    ...changes,
  };
  const path = `/dev/shm/${prefix}modbus_shm`;
  const document = (): Document => {
    try {
      return parseDocument(readFileSync(path, "utf8").replace(/\0+$/, "")) as Document;
    } catch {
      return {};
    }
  };
  const value = (key = "Plant: 3/0"): unknown => document()[key]?.value;
  return { prefix, device, lines, options, path, document, value };
}

async function until(condition: () => boolean): Promise<void> {
  await untilTrue(String(condition), condition, { lookAgainMs: 2 });
}

/** A partition whose Modbus thread the test can end as a crash does: without a word. */
function started(t: TestContext, options: WholeOptions, before: () => void = () => {}) {
  const partition = new WholePartition(options);
  const worker = spawnWorker("modbus");
  before();
  partition.start({ modbus: worker });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopped ??= partition.stop());
  t.after(stop);
  return { partition, worker, stop };
}

test("a start is not waited for for ever where a thread crashes before it has an image", watchdog, async (t) => {
  const { prefix, options } = await setUp(t);
  const crashing = { eval: true, stdout: true, stderr: true };
  const partition = new Partition({ ...options, prefix }, () => new Worker("process.exit(1)", crashing));
  t.after(() => partition.stop());
  assert.deepEqual(partition.imageTroubles(), [], "it is being made");
  partition.start();
  await partition.settled();
  assert.deepEqual(partition.imageTroubles(), [
    "modbus has no process image and no documents: its thread ended unexpectedly and is started again.",
  ]);
});

test("the image of each service names all that its partition runs", watchdog, async (t) => {
  const servicesOf = async (changes: Partial<WholeOptions>) => {
    const { prefix, options } = await setUp(t, changes);
    const partition = new Partition({ ...options, prefix });
    t.after(() => partition.stop());
    partition.start();
    await partition.settled();
    return ["opcua", "modbus"].map((service) => {
      using image = new OpenedImage(`${prefix}${service}_image`);
      return image.current()?.services;
    });
  };
  assert.deepEqual(await servicesOf({}), [undefined, ["modbus"]]);
  const both = ["opcua", "modbus"];
  assert.deepEqual(await servicesOf({ opcua: packConfigurations({ opcua: { servers: [] } }).opcua }), [both, both]);
});

test(
  "a thread that crashed shows closed connections at once, its readers are sent on, and it is started again",
  watchdog,
  async (t) => {
    const { prefix, options, path, value, document, lines } = await setUp(t);
    const { worker } = started(t, options);
    await until(() => value() !== undefined);
    using image = new OpenedImage(`${prefix}modbus_image`);
    const before = image.current();
    const { ino } = statSync(path);
    await worker.terminate();
    await until(() => value(connection) === false);
    assert.deepEqual(Object.keys(document()), [connection]);
    assert.equal(before?.isRetired, true);
    await until(() => value() !== undefined);
    const seen = value();
    await until(() => value() !== seen && value() !== undefined);
    assert.equal(statSync(path).ino, ino, "consumers keep their mapping");
    assert.equal(image.current()?.isRetired, false);
    assert.equal(image.hasWriter(), true);
    const messages = lines.filter(({ level }) => level === "error").map(({ message }) => message);
    assert.deepEqual(messages, ["the service's thread ended unexpectedly and is started again"]);
  },
);

test("stopped while a crashed thread waits for its restart, it ends", watchdog, async (t) => {
  const { options, value, prefix, lines } = await setUp(t);
  const { stop, worker } = started(t, options);
  await until(() => value() !== undefined);
  await worker.terminate();
  await until(() => lines.some(({ message }) => message.includes("started again")));
  await stop();
  assert.deepEqual(filesOf(prefix), []);
});

test("a thread that dies while it is stopped leaves no connection that looks open", watchdog, async (t) => {
  const { options, value, document } = await setUp(t, { removeOnExit: false });
  const { stop, worker } = started(t, options);
  await until(() => value() !== undefined);
  const stopped = stop();
  await worker.terminate();
  await stopped;
  assert.deepEqual(
    Object.entries(document()).map(([key, entry]) => [key, entry.value]),
    [[connection, false]],
  );
});

test(
  "a process image that somebody removed is back within a moment, with its values, and readers move to it",
  watchdog,
  async (t) => {
    const { options, prefix, value, lines } = await setUp(t);
    started(t, options);
    await until(() => value() !== undefined);
    using image = new OpenedImage(`${prefix}modbus_image`);
    const generation = image.current()?.generation ?? Number.NaN;
    rmSync(`/dev/shm/${prefix}modbus_image`);
    await until(() => image.current() !== undefined);
    assert.equal(image.hasWriter(), true);
    const reader = image.current();
    assert.equal(reader?.generation, generation + 1);
    assert.equal(reader?.serviceCount("objectsRestored"), 1n);
    assert.equal(reader?.snapshot(0)?.state.connection, ConnectionState.connected);
    assert.deepEqual(
      lines.filter(({ level }) => level === "warn").map(({ message }) => message),
      ["somebody removed the process image or linked it to another name: a new one is made"],
    );
  },
);

test("stopped before its first value, it ends with every connection shown as closed", watchdog, async (t) => {
  const { options, value, prefix, device } = await setUp(t, { removeOnExit: false });
  await device.close();
  const { stop } = started(t, options);
  await until(() => value(connection) !== undefined);
  await stop();
  assert.equal(value(connection), false);
  assert.equal(filesOf(prefix).length, 4);
});

for (const [what, name] of [
  ["made", "modbus_image.next"],
  ["given its name", "modbus_image"],
] as const) {
  test(
    `when an image cannot be ${what} the log says it once, and it is tried again until documents have values`,
    watchdog,
    async (t) => {
      const { options, prefix, value, lines } = await setUp(t);
      const obstacle = `/dev/shm/${prefix}${name}`;
      started(t, options, () => {
        rmSync(obstacle, { force: true });
        mkdirSync(obstacle);
      });
      await until(() => lines.some(({ message }) => message.startsWith("cannot make the process image")));
      rmSync(obstacle, { recursive: true, force: true });
      await until(() => value() !== undefined);
      using image = new OpenedImage(`${prefix}modbus_image`);
      await until(() => image.current()?.snapshot(0)?.state.connection === ConnectionState.connected);
      assert.equal(image.hasWriter(), true);
      const logged = (): string[] =>
        lines
          .map(({ message }) => message)
          .filter((message) => message.includes("process image") && !message.startsWith("cannot make documents"));
      await until(() => logged().length > 1);
      assert.equal(logged().length, 2, logged().join("\n"));
      assert.match(
        logged()[0]!,
        /^cannot make the process image; nobody can read it and no documents are made of it: .*directory/,
      );
      assert.equal(logged()[1], "there is a new process image");
    },
  );
}

test("a thread that fails again and again for the same reason says it in full once", watchdog, async (t) => {
  const { options, lines } = await setUp(t);
  const broken = "throw new TypeError('broken installation')";
  const partition = new WholePartition(options, () => new Worker(broken, { eval: true, stdout: true, stderr: true }));
  t.after(() => partition.stop());
  partition.start();
  const restarts = (): string[] =>
    lines.map(({ message }) => message).filter((message) => message.includes("started again"));
  await until(() => restarts().length > 1);
  const failed = lines.filter(({ message }) => message === "the service's thread failed");
  assert.equal(failed.length, 1);
  assert.match(String(failed[0]?.fields?.["stack"]), /broken installation/);
  assert.deepEqual(restarts().slice(0, 2), [
    "the service's thread ended unexpectedly and is started again",
    "the service's thread failed as before and is started again",
  ]);
});

test("when a further image cannot be made the service goes on with the one it has", watchdog, async (t) => {
  const { options, prefix, value, lines, device } = await setUp(t);
  const { partition } = started(t, options);
  await until(() => value() !== undefined);
  const obstacle = `/dev/shm/${prefix}modbus_image.next`;
  mkdirSync(obstacle);
  const servers = [server(device.port, [point(0)]), server(device.port, [point(1)], { alias: "New" })];
  partition.reconfigure({ opcua: undefined, modbus: modbus(servers) });
  await until(() =>
    lines.some(({ message }) => message.startsWith("cannot replace the process image; the present one stays in use")),
  );
  const seen = value();
  await until(() => value() !== seen && value() !== undefined);
  rmdirSync(obstacle);
  await until(() => value("ModbusTCP Connections:New: Connection status") === true);
  assert.equal(lines.filter(({ message }) => message.startsWith("cannot replace the process image")).length, 1);
});

test(
  "what cannot be created as a whole is not created at all, and what a killed run left stays as it was",
  watchdog,
  async (t) => {
    const { opcua } = packConfigurations({ opcua: { servers: [] } });
    const { options, prefix } = await setUp(t, { opcua });
    const [names] = consumerPairNames("opcua", [], prefix);
    using left = ConsumerPair.create(names!, 10_240);
    left.overwrite(Buffer.from("{}"));
    left.close();
    const before = filesOf(prefix).toSorted();
    const other = new ImageOwner(`${prefix}modbus_image`);
    assert.throws(() => new WholePartition(options), AnotherWriterError);
    other.close();
    assert.deepEqual(filesOf(prefix).toSorted(), before);
    assert.ok(existsSync(`/dev/shm/${prefix}opcua_shm`));
  },
);
