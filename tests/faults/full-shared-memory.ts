// Partitions in a /dev/shm that has no room: run in a process that has one of its own, `full-shared-memory.ts start|one|later|reconfigured`.

import assert from "node:assert/strict";
import { closeSync, fstatSync, ftruncateSync, openSync, rmSync, statfsSync, truncateSync, writeSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { datagramSocket, type DatagramSocket } from "../image/posix/datagram-socket.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { BornServer } from "./born-server.ts";
import { gateway, isFresh } from "./gateway.ts";
import { TestedPartition } from "./tested-partition.ts";

const ballast = "/dev/shm/ballast";
const pageBytes = 4096;

/** Leaves this much room, give or take a page. There is never more room in between, of which the partition could take some. */
function fillUpTo(freeBytes: number): void {
  const descriptor = openSync(ballast, "a");
  try {
    for (;;) {
      const { bavail, bsize } = statfsSync("/dev/shm");
      const surplusBytes = bavail * bsize - freeBytes;
      if (surplusBytes === 0) return;
      if (surplusBytes > 0) writeSync(descriptor, Buffer.alloc(surplusBytes, 1));
      else ftruncateSync(descriptor, Math.max(0, fstatSync(descriptor).size + surplusBytes));
    }
  } catch (error) {
    // The partition was quicker.
    assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
  } finally {
    closeSync(descriptor);
  }
}

function freeAgain(): void {
  rmSync(ballast);
}

/** The smallest that there can be would always be what finds no room. */
const noJournal = ["--journal-size", "0"];

const noRoom = /\/dev\/shm has no room left; free some or mount it larger/;

const scenarios: Readonly<Record<string, (t: TestContext) => Promise<void>>> = {
  start: async (t) => {
    const outcomes = new Set<string>();
    const { port } = await startBornDevice(t, 0);
    // Enough for an image of more than the page that a start reserves.
    const modbus = bornModbusXml({ alias: "device", port, firstPlace: 0, points: 60 });
    for (let freePages = 0; freePages <= 20; freePages++) {
      fillUpTo(freePages * pageBytes);
      const manager = datagramSocket(t);
      const launch = { env: { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: "200000" } };
      const partition = new TestedPartition(t, { modbus, args: noJournal, launch });
      const outcome = await Promise.race([refusal(partition), incomplete(partition), goodValues(partition)]);
      if (outcome === "incomplete") await isReady(partition, manager);
      t.diagnostic(`${freePages} free pages: ${outcome}`);
      if (outcome === "good values" && outcomes.has(outcome)) break;
      outcomes.add(outcome);
      if (outcome !== "good values") {
        if (outcome === "refused") assert.deepEqual(partition.sandbox.ownObjects(), []);
        freeAgain();
        if (outcome === "refused") partition.runAgain();
        await goodValues(partition);
      }
      await partition.end();
      for (const left of partition.sandbox.objects()) rmSync(`/dev/shm/${left}`);
    }
    assert.deepEqual(outcomes, new Set(["refused", "incomplete", "good values"]));
  },

  one: async (t) => {
    const server = await BornServer.start(t, "opcua", 500, 400);
    const device = await startBornDevice(t, 0);
    // Enough for the one service, and too little for the first image of the other, whoever takes room before it.
    fillUpTo(12 * pageBytes);
    const manager = datagramSocket(t);
    const partition = new TestedPartition(t, {
      modbus: bornModbusXml({ alias: "device", port: device.port, firstPlace: 0, points: 3 }),
      opcua: bornOpcUaXml({ alias: "server", port: server.port, firstPlace: 500, points: 400 }),
      args: noJournal,
      launch: { env: { NOTIFY_SOCKET: manager.name, WATCHDOG_USEC: "200000" } },
    });
    const { sandbox, child } = partition;
    await partition.until("the one has values", () => partition.modbus?.isGood("device") === true);
    const prefix = ["--prefix", sandbox.prefix];
    const status = async (...options: string[]) => await sandbox.cpc(["status", ...options, ...prefix]).ended;
    const monitor = sandbox.cpc(["monitor", "--listen", "127.0.0.1:0", ...prefix]);
    await monitor.until("it listens", () => monitor.stdout.endsWith("/\n"));
    const [, address = ""] = /^monitor: (\S+)/.exec(monitor.stdout) ?? [];
    const health = async () => await fetch(`${address}health`);
    const metrics = async () => await (await fetch(`${address}metrics`)).text();

    await child.until("status names the other", async () =>
      /^opcua has NO PROCESS IMAGE: .* log says why/.test((await status()).stdout),
    );
    assert.equal((await status()).code, 1);
    assert.equal((await status("--alive")).code, 0, "to start it again would end the service that is well");
    const answer = await health();
    assert.equal(answer.status, 503);
    const { isAlive, imagesMissing, servers } = (await answer.json()) as Readonly<Record<string, unknown>>;
    assert.deepEqual([isAlive, imagesMissing, servers], [false, 1, 1]);
    assert.match(await metrics(), /^cpc_up\{service="opcua"\} 0$/m);
    assert.match(await metrics(), /^cpc_image_missing\{service="opcua"\} 1$/m);
    assert.match(await metrics(), /^cpc_up\{service="modbus"\} 1$/m);
    assert.ok(
      child.logged(noRoom).some(({ msg }) => /opcua_image/.test(String(msg))),
      "the log says why",
    );

    manager.received();
    const states: string[] = [];
    await partition.until("so does the state", () => {
      states.push(...manager.received().filter((text) => /^STATUS=opcua has no process image/m.test(text)));
      return states.length > 0;
    });
    assert.doesNotMatch(states.join("\n"), /STARTING|NO PROCESS IMAGE/, "once is enough");

    freeAgain();
    await goodValues(partition);
    await child.until("all is well", async () => (await status("--require-connected")).code === 0);
    await child.until("for the monitor, too", async () => (await health()).status === 200);
    assert.match(await metrics(), /^cpc_image_missing\{service="opcua"\} 0$/m);
    await monitor.end();
    await partition.end();
  },

  later: async (t) => {
    const partition = await gateway(t, { args: noJournal });
    const { sandbox, child } = partition;
    await goodValues(partition);
    await partition.healthy();
    fillUpTo(0);
    const fullMs = Date.now();
    await partition.until("values go on", () => isFresh(partition, fullMs));
    // As long as there is no document, there is none to judge.
    for (const witness of partition.witnesses) witness.rule({ documents: false });
    rmSync(sandbox.path("modbus_shm"));
    fillUpTo(0);
    await partition.until("it cannot be put back", () => child.logged(noRoom).length > 0);
    truncateSync(sandbox.path("opcua_shm"), 0);
    fillUpTo(0);
    rmSync(sandbox.path("modbus_image"));
    fillUpTo(0);
    await partition.until("no new image can be made", () => child.logged(noRoom).some(({ msg }) => isOfImage(msg)));
    rmSync(sandbox.semaphorePath("opcua_semaphore"));
    fillUpTo(0);
    const withoutMs = Date.now();
    await partition.until("the other image goes on", () => partition.opcua?.isGood("server") === true);
    assert.ok(partition.opcua!.health!.heartbeatAgeMs! < 2000 + Date.now() - withoutMs);
    freeAgain();
    const freeMs = Date.now();
    await partition.until("all is put back", () => isFresh(partition, freeMs));
    await partition.end();
  },

  reconfigured: async (t) => {
    const server = await BornServer.start(t, "opcua", 500, 400);
    const device = await startBornDevice(t, 0);
    const xml = (points: { readonly device: number; readonly server: number }) => ({
      modbus: bornModbusXml({ alias: "device", port: device.port, firstPlace: 0, points: points.device }),
      opcua: bornOpcUaXml({ alias: "server", port: server.port, firstPlace: 500, points: points.server }),
    });
    const partition = new TestedPartition(t, { ...xml({ device: 3, server: 3 }), args: noJournal });
    const points = () => [partition.modbus?.statuses("device")?.length, partition.opcua?.statuses("server")?.length];
    await goodValues(partition);
    // Enough for the one service and far from enough for the other.
    fillUpTo(12 * pageBytes);
    const larger = xml({ device: 80, server: 400 });
    partition.sandbox.write("modbus.xml", larger.modbus);
    partition.sandbox.write("opcua.xml", larger.opcua);
    partition.child.signal("SIGHUP");
    await partition.until("the log says so", () => partition.child.logged(noRoom).some(({ msg }) => /opcua_image/.test(String(msg)))); // prettier-ignore
    const refusedMs = Date.now();
    await partition.until(
      "the image goes on",
      () => (partition.opcua?.health?.heartbeatAgeMs ?? Infinity) < Date.now() - refusedMs,
    );
    assert.equal(points()[1], 3);
    freeAgain();
    await partition.until("it is taken over", () => points().join() === "80,400");
    const takenMs = Date.now();
    await partition.until("all values are good", () => isFresh(partition, takenMs));
    await partition.end();
  },
};

/** All the values there are to be, and seen by the witness. */
async function goodValues(partition: TestedPartition): Promise<"good values"> {
  const sinceMs = Date.now();
  await partition.until("values are good", () => isFresh(partition, sinceMs));
  await partition.until("they are judged", () => partition.witnesses.every(({ judged }) => judged > 0));
  return "good values";
}

async function refusal(partition: TestedPartition): Promise<"refused"> {
  const { code, stderr } = await partition.child.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, noRoom);
  assert.equal(stderr.trim().split("\n").length, 1, "a sentence, and no stack");
  return "refused";
}

/** It runs, and says that the image or the documents have to wait. */
async function incomplete(partition: TestedPartition): Promise<"incomplete"> {
  await partition.until("it says what there is no room for", () => partition.child.logged(noRoom).length > 0);
  return "incomplete";
}

/** A service manager would end what does not get ready, over and over. */
async function isReady(partition: TestedPartition, manager: DatagramSocket): Promise<void> {
  const told: string[] = [];
  const isTold = (what: RegExp) => (): boolean => {
    told.push(...manager.received());
    return told.some((text) => what.test(text));
  };
  await partition.until("it is ready", isTold(/^READY=1/));
  if (!partition.child.logged(noRoom).some(({ msg }) => isOfImage(msg))) return;
  await partition.until(
    "its state says what is missing",
    isTold(/^STATUS=modbus has no process image .* because \/dev\/shm has no room left/m),
  );
  assert.ok(
    told.every((text) => !text.includes("no partition has run here")),
    told.join("\n"),
  );
  await partition.until("it lives", isTold(/WATCHDOG=1/));
}

function isOfImage(message: unknown): boolean {
  return String(message).includes("_image");
}

const [name = ""] = process.argv.slice(2);
const scenario = scenarios[name];
assert.ok(scenario, `no scenario ${name}`);
test(name, scenario);
