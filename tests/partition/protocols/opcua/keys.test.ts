// Which key a value has, with real servers: whoever is up first, whatever they call their nodes, over restarts.

import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { DataType, NodeId } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import type {
  OpcUaNode,
  OpcUaServer,
} from "../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { OpcUaClientManager } from "../../../../packages/partition/src/library/opcua-client-manager.ts";
import { isGood } from "../../../../packages/image/src/values/status-code.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { OwnImages, recordingLog } from "../../sources/test-source.ts";
import { seen } from "../../../image/sample-image.ts";
import {
  certificateIn,
  configuredServer,
  nodeNamed,
  portOf,
  startServer,
  temporaryFolder,
} from "../../../plant/opcua-server.ts";
import { TcpProxy } from "../../../plant/tcp-proxy.ts";

const watchdog = { timeout: 200_000 };
const closedPort = 1;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** Levels 111 and 222. */
const plants: Plant[] = [];

interface Plant {
  readonly server: OPCUAServer;
  readonly url: string;
  isUp: boolean;
  readonly stop: () => Promise<void>;
}

before(async () => {
  folder = await temporaryFolder();
  const certificate = await certificateIn(folder.path, "server");
  for (const value of [111, 222]) {
    const started = await startServer({
      folder: join(folder.path, String(value)),
      certificate,
      policies: [],
      build: (server) => addTank(server, "Level", "Level", value),
    });
    const plant = { ...started, isUp: true, url: "", stop: () => Promise.resolve() };
    const port = portOf(started.url);
    const proxy = await TcpProxy.start(() => (plant.isUp ? port : closedPort));
    plant.url = proxy.url;
    plant.stop = async () => {
      await proxy.close();
      await started.server.shutdown(0);
    };
    plants.push(plant);
  }
});

after(async () => {
  for (const plant of plants) await plant.stop();
  await folder.remove();
});

/** A node whose identifier and browse name differ. */
function addTank({ engine: { addressSpace } }: OPCUAServer, id: string, browseName: string, value: number): void {
  assert.ok(addressSpace);
  addressSpace.getOwnNamespace().addVariable({
    organizedBy: addressSpace.rootFolder.objects,
    nodeId: new NodeId(NodeId.NodeIdType.STRING, id, 1),
    browseName,
    dataType: DataType.Double,
    value: { dataType: DataType.Double, value },
  });
}

function configured(plant: number, alias: string, ...nodes: readonly OpcUaNode[]): OpcUaServer {
  return configuredServer(plants[plant]!.url, { alias, nodes, intervalMs: 20, retryIntervalMs: 20 });
}

/** Display names that are not the browse names. */
const tankA = nodeNamed("Level", { displayName: "Tank A" });
const tankB = nodeNamed("Level", { displayName: "Tank B" });

let files = 0;
function newNamesFile(): string {
  return join(folder.path, `names-${files++}.json`);
}

/** In vain only until the test's watchdog ends it. */
async function reached(t: TestContext, condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5, undefined, { signal: t.signal });
}

/** A run of the service, and what it shows as good. */
function run(t: TestContext, servers: readonly OpcUaServer[], namesFile?: string) {
  const images = new OwnImages();
  const { lines, log } = recordingLog();
  const manager = new OpcUaClientManager({ certificatesDirectory: join(folder.path, "certificates"), log, namesFile });
  manager.createClients({ servers });
  manager.startClients();
  const ended = manager.periodicRead(0.02, [], [], { image: images });
  const end = async () => {
    await manager.stopClients();
    await ended;
  };
  t.after(end);
  const shown = (): Readonly<Record<string, unknown>> => {
    if (images.memories.length === 0) return {};
    const { reader } = images;
    return Object.fromEntries(
      reader.directory.groups.flatMap(({ points }, group) => {
        const bank = seen(reader, group);
        return points.flatMap(({ key }, index) => (isGood(bank.status(index)) ? [[key, bank.value(index).value]] : []));
      }),
    );
  };
  const until = async (count: number) => {
    await reached(t, () => Object.keys(shown()).length >= count);
    return shown();
  };
  return { manager, images, lines, shown, until, end };
}

test("the same keys after a restart, whoever is up first", watchdog, async (t) => {
  const servers = [configured(0, "A", tankA), configured(1, "B", tankB)];
  const both = { "1:Level": 111, "1:Level (B ns=1;s=Level)": 222 };
  const namesFile = newNamesFile();
  plants[1]!.isUp = false;
  const first = run(t, servers, namesFile);
  assert.deepEqual(await first.until(1), { "1:Level": 111 });
  plants[1]!.isUp = true;
  assert.deepEqual(await first.until(2), both);
  assert.equal(first.lines.filter(({ message }) => message.includes("cannot have the plain key")).length, 1);
  await first.end();

  plants[0]!.isUp = false;
  const second = run(t, servers, namesFile);
  assert.deepEqual(await second.until(1), { "1:Level (B ns=1;s=Level)": 222 });
  plants[0]!.isUp = true;
  assert.deepEqual(await second.until(2), both);
});

test("a key that was given at the very first start stays, whoever is before it in the file", watchdog, async (t) => {
  const servers = [configured(0, "A", tankA), configured(1, "B", tankB)];
  const both = { "1:Level": 222, "1:Level (A ns=1;s=Level)": 111 };
  const namesFile = newNamesFile();
  plants[0]!.isUp = false;
  const first = run(t, servers, namesFile);
  assert.deepEqual(await first.until(1), { "1:Level": 222 });
  plants[0]!.isUp = true;
  assert.deepEqual(await first.until(2), both);
  await first.end();
  assert.deepEqual(await run(t, servers, namesFile).until(2), both);
});

test("a server that is not to be trusted takes no key by the name it tells", watchdog, async (t) => {
  const settled = { ...tankA, browseName: "1:Level" };
  const expected = { ...tankA, displayName: "Level" };
  for (const honest of [settled, expected]) {
    const servers = [configured(0, "A", honest), configured(1, "B", tankB)];
    plants[0]!.isUp = false;
    const { until, end } = run(t, servers);
    assert.deepEqual(await until(1), { "1:Level (B ns=1;s=Level)": 222 });
    plants[0]!.isUp = true;
    assert.deepEqual(await until(2), { "1:Level": 111, "1:Level (B ns=1;s=Level)": 222 });
    await end();
  }
  // Also when it stands before the other: what the configuration says goes before what a server says.
  const { until } = run(t, [configured(1, "B", tankB), configured(0, "A", settled)]);
  assert.deepEqual(await until(2), { "1:Level": 111, "1:Level (B ns=1;s=Level)": 222 });
});

test(
  "three nodes of one name, the first of which comes late: keys do not shift, also not after a restart",
  watchdog,
  async (t) => {
    const { server } = plants[0]!;
    for (const [id, value] of [
      ["Tank2", 2],
      ["Tank3", 3],
    ] as const)
      addTank(server, id, "PV", value);
    const nodes = [1, 2, 3].map((n) => nodeNamed(`Tank${n}`, { displayName: `Tank ${n}` }));
    const servers = [configured(0, "Skid", ...nodes)];
    const namesFile = newNamesFile();
    const first = run(t, servers, namesFile);
    const two = { "1:PV": 2, "1:PV (Skid ns=1;s=Tank3)": 3 };
    assert.deepEqual(await first.until(2), two);
    addTank(server, "Tank1", "PV", 1);
    const three = { ...two, "1:PV (Skid ns=1;s=Tank1)": 1 };
    assert.deepEqual(await first.until(3), three);
    const [late] = first.images.reader.directory.groups[0]!.points;
    assert.equal(late?.type, BuiltInType.Double, "its type is learned, too");
    await first.end();
    assert.deepEqual(await run(t, servers, namesFile).until(3), three);

    // Where all of them are there from the start, the order of the file decides.
    const all = { "1:PV": 1, "1:PV (Skid ns=1;s=Tank2)": 2, "1:PV (Skid ns=1;s=Tank3)": 3 };
    assert.deepEqual(await run(t, servers).until(3), all);
  },
);

test("a namespace that the server registers after the connect is found, and its node learned", watchdog, async (t) => {
  const { server } = plants[0]!;
  const late = nodeNamed("late", { displayName: "Late", namespace: { uri: "urn:plant:late" } });
  const { until } = run(t, [configured(0, "A", tankA, late)]);
  assert.deepEqual(await until(1), { "1:Level": 111 });
  const namespace = server.engine.addressSpace!.registerNamespace("urn:plant:late");
  namespace.addVariable({
    organizedBy: server.engine.addressSpace!.rootFolder.objects,
    nodeId: new NodeId(NodeId.NodeIdType.STRING, "late", namespace.index),
    browseName: "Told",
    dataType: DataType.Double,
    value: { dataType: DataType.Double, value: 5 },
  });
  assert.deepEqual(await until(2), { "1:Level": 111, [`${namespace.index}:Told`]: 5 });
});

test("a changed configuration is learned anew, what did not change keeps its key", watchdog, async (t) => {
  const namesFile = newNamesFile();
  const first = run(t, [configured(0, "A", tankA), configured(1, "B", tankB)], namesFile);
  const [a, b] = ["1:Level", "1:Level (B ns=1;s=Level)"];
  const start = await first.until(2);
  assert.deepEqual(new Set(Object.values(start)), new Set([111, 222]));
  const keyOfB = Object.keys(start).find((key) => start[key] === 222)!;
  // While it runs: A is renamed, and B keeps what it has.
  first.manager.createClients({ servers: [configured(0, "A2", tankA), configured(1, "B", tankB)] });
  await reached(t, () => first.images.reader.directory.servers[0]?.alias === "A2");
  const renamed = await first.until(2);
  assert.equal(renamed[keyOfB], 222);
  assert.equal(renamed[keyOfB === a ? "1:Level (A2 ns=1;s=Level)" : a], 111);
  await first.end();
  // A name in the configuration goes before the remembered ones.
  const settled = { ...tankA, browseName: "1:Level" };
  assert.deepEqual(await run(t, [configured(0, "A2", settled), configured(1, "B", tankB)], namesFile).until(2), {
    [a]: 111,
    [b]: 222,
  });
});

test("a server that tells another name than is configured is warned about, and the key stays", watchdog, async (t) => {
  const { until, lines } = run(t, [configured(0, "A", { ...tankA, browseName: "1:Other" })]);
  assert.deepEqual(await until(1), { "1:Other": 111 });
  await reached(t, () => lines.some(({ message }) => message.includes('"1:Level" where "1:Other" stays')));
});

test("a broken file of names is a warning, and everything goes on and is written anew", watchdog, async (t) => {
  const namesFile = newNamesFile();
  writeFileSync(namesFile, "{");
  const servers = [configured(0, "A", tankA)];
  const first = run(t, servers, namesFile);
  assert.deepEqual(await first.until(1), { "1:Level": 111 });
  await first.end();
  assert.match(first.lines[0]!.message, /cannot use the remembered browse names/);
  const second = run(t, servers, namesFile);
  await second.end();
  assert.equal(
    second.lines.some(({ message }) => message.includes("remembered")),
    false,
  );
  rmSync(namesFile);
});
