// What a whole life of the partition asks of the plant: start, cycles, lost connections, another configuration, the end. The exact
// sets of services and function codes, as a recording proxy before every server saw them.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { libc } from "../../packages/image/src/posix/libc.ts";
import { Sandbox, type Child } from "../partition/commands/cpc.ts";
import { connectionKey } from "../plant/modbus-plant.ts";
import {
  assertOnlyReading,
  startRecordedPlant,
  subscribing,
  takingOver,
  type RecordedPlant,
} from "./recorded-plant.ts";
import { listeningSockets } from "./sockets.ts";

const watchdog = { timeout: 200_000 };

async function live(sandbox: Sandbox, plant: RecordedPlant): Promise<Child> {
  const files = ["--opcua", plant.writeOpcUa(), "--modbus", plant.writeModbus()];
  const run = sandbox.run(...files, "--certificates", plant.certificatesDirectory);
  const moreReads = async (what: string): Promise<void> => {
    const before = counts(plant);
    await run.until(`there are more cycles ${what}`, () =>
      counts(plant).every((count, index) => count > (before[index] ?? 0) + 8),
    );
  };
  await moreReads("at the start");
  await run.until(
    "values are published",
    () =>
      sandbox.value("OPC UA Connections:Abfüllanlage", "opcua_shm") === true &&
      sandbox.value(connectionKey("Ecotec")) === true,
  );
  assert.deepEqual(listeningSockets(run.processId), [], "the partition listens nowhere");
  // In some containers every process has given them up.
  if (!hasGivenUp(readFileSync("/proc/self/status", "utf8")))
    assert.deepEqual(heldThreads(run.processId), hasLandlock() ? ["modbus", "opcua"] : [], "nor could its services");

  for (const proxy of [plant.opcua, ...plant.modbus]) proxy.cut();
  await moreReads("after connections were lost");

  plant.writeOpcUa((xml) => xml.replaceAll("Anlagenstatus", "Status").replace("<timeout>5", "<timeout>4"));
  plant.writeModbus((xml) => xml.replaceAll("<timeout>2", "<timeout>3"));
  const connections = [plant.opcua, plant.modbus[0]].map((proxy) => proxy?.connections ?? 0);
  run.signal("SIGHUP");
  await run.until("the changed servers are connected anew", () =>
    [plant.opcua, plant.modbus[0]].every((proxy, index) => (proxy?.connections ?? 0) > (connections[index] ?? 0)),
  );
  await moreReads("with another configuration");
  assert.deepEqual(listeningSockets(run.processId), []);
  assert.equal((await run.end()).code, 0);
  return run;
}

function hasGivenUp(status: string): boolean {
  return /^NoNewPrivs:\s+1$/m.test(status);
}

/** Names of threads that have given up privileges: what a thread does before the kernel holds it to anything. */
function heldThreads(processId: number): readonly string[] {
  const tasks = `/proc/${processId}/task`;
  return readdirSync(tasks)
    .map((task) => readFileSync(join(tasks, task, "status"), "utf8"))
    .filter(hasGivenUp)
    .map((status) => /^Name:\s+(.*)$/m.exec(status)?.[1] ?? "")
    .filter((name) => name !== "libuv-worker")
    .toSorted();
}

/** With networks, which came with version 4. */
function hasLandlock(): boolean {
  return libc.landlock_create_ruleset(444, null, 0, 1) >= 4;
}

/** Requests so far at each server. */
function counts({ opcua, modbus }: RecordedPlant): number[] {
  return [opcua, ...modbus].map(({ requests }) => requests.length);
}

function subscribe(xml: string): string {
  const how = "<acquisition>subscribe</acquisition><publishingInterval>0.1</publishingInterval>";
  return xml.replace("</alias>", `</alias>${how}`);
}

test("what whole runs ask a plant for", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const plant = await startRecordedPlant(t, sandbox, { policy: "SecurityPolicyBasic256Sha256", mode: "Sign" });
  const { opcua, modbus } = plant;

  await t.test("one that polls asks for nothing but values", async () => {
    await live(sandbox, plant);
    assertOnlyReading(plant);
    assert.equal(modbus.length, 2);
  });

  for (const { requests } of [opcua, ...modbus]) requests.length = 0;

  await t.test("one that subscribes asks for nothing but values, also when it takes a subscription over", async () => {
    const files = ["--opcua", plant.writeOpcUa(subscribe), "--modbus", plant.writeModbus()];
    const run = sandbox.run(...files, "--certificates", plant.certificatesDirectory);
    const publishes = (): number => opcua.requests.filter(({ service }) => service === "Publish").length;
    const more = async (what: string): Promise<void> => {
      const enough = publishes() + 5;
      await run.until(`more changes came ${what}`, () => publishes() > enough);
    };
    await more("at the start");
    await run.until(
      "values are published",
      () => sandbox.value("OPC UA Connections:Abfüllanlage", "opcua_shm") === true,
    );
    opcua.cut();
    await more("after the connection was lost");
    await run.until("Modbus was read, too", () => modbus.every(({ requests }) => requests.length > 8));
    assert.equal((await run.end()).code, 0);
    assertOnlyReading(plant, [...subscribing, ...takingOver]);
  });
});

test("a socket that listens would be found, whatever its kind", async (t) => {
  const before = listeningSockets(process.pid);
  const sandbox = new Sandbox(t);
  const listeners = [
    createServer().listen(0, "127.0.0.1"),
    createServer().listen(0, "::1"),
    createServer().listen(join(sandbox.folder, "socket")),
    createServer().listen(`\0${sandbox.prefix}`),
  ];
  t.after(() => listeners.map((listener) => listener.close()));
  for (const listener of listeners)
    if (!listener.listening) await new Promise((resolve) => listener.once("listening", resolve));
  assert.equal(listeningSockets(process.pid).length, before.length + listeners.length);
});
