// Whatever a consumer does to the objects that it can write to, the plant does not notice: the same requests in the same order,
// poll after poll, and not one connection more.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, openSync, rmSync, truncateSync, writeSync } from "node:fs";
import { test } from "node:test";
import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { Place } from "../partition/commands/cpc.ts";
import { connectionKey } from "../plant/modbus-plant.ts";
import { assertOnlyReading, startRecordedPlant } from "./recorded-plant.ts";

const services = ["opcua", "modbus"] as const;
const cyclesOfEach = 3;

/** Bytes that differ at every place, and are no JSON. */
const noise = createHash("shake256", { outputLength: 200_000 }).update("scribble").digest();

type Attack = (place: Place, service: (typeof services)[number]) => void;

function withSemaphore(place: Place, service: string, act: (semaphore: NamedSemaphore) => void): void {
  const semaphore = NamedSemaphore.openExisting(`${place.prefix}${service}_semaphore`);
  if (semaphore === undefined) return; // removed by an attack before, and not there again yet
  act(semaphore);
  semaphore.close();
}

function withSegment(place: Place, service: string, act: (path: string) => void): void {
  try {
    act(place.path(`${service}_shm`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

const attacks: Readonly<Record<string, Attack>> = {
  "posts 1000 times": (place, service) =>
    withSemaphore(place, service, (semaphore) => {
      for (let count = 0; count < 1000; count++) semaphore.post();
    }),
  "takes and never gives back": (place, service) =>
    withSemaphore(place, service, (semaphore) => {
      while (semaphore.tryWait());
    }),
  "scribbles over the segment": (place, service) =>
    withSegment(place, service, (path) => {
      const descriptor = openSync(path, "r+");
      writeSync(descriptor, noise, 0, noise.length, 0);
      closeSync(descriptor);
    }),
  "scribbles what looks like an order": (place, service) =>
    withSegment(place, service, (path) => {
      const descriptor = openSync(path, "r+");
      writeSync(descriptor, JSON.stringify({ write: { "Ecotec: Sollwert": { value: 99, varType: "UInt16" } } }), 0);
      closeSync(descriptor);
    }),
  "truncates the segment": (place, service) => withSegment(place, service, (path) => truncateSync(path, 0)),
  "unlinks the segment": (place, service) => rmSync(place.path(`${service}_shm`), { force: true }),
  "unlinks the semaphore": (place, service) => rmSync(place.semaphorePath(`${service}_semaphore`), { force: true }),
  "scribbles over the semaphore": (place, service) => {
    try {
      const descriptor = openSync(place.semaphorePath(`${service}_semaphore`), "r+");
      writeSync(descriptor, noise, 0, 32, 0);
      closeSync(descriptor);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  },
};

test("a malicious consumer changes no request that the plant gets", { timeout: 60_000 }, async (t) => {
  const place = new Place(t);
  const plant = await startRecordedPlant(t, place, { policy: "SecurityPolicyNone", mode: "None" });
  const files = ["--opcua", plant.writeOpcUa(), "--modbus", plant.writeModbus()];
  const run = place.run(...files, "--certificates", plant.certificatesDirectory);
  const modbus = plant.modbus.map(({ requests }) => requests);
  const opcua = plant.opcua.requests;
  const reads = (): number => opcua.filter(({ service }) => service === "Read").length;
  const cycles = async (what: string): Promise<void> => {
    const [first, ...others] = [reads(), ...modbus.map(({ length }) => length)];
    await run.until(
      `the plant is read on ${what}`,
      () =>
        reads() >= (first ?? 0) + cyclesOfEach &&
        modbus.every((requests, index) => requests.length >= (others[index] ?? 0) + cyclesOfEach * (plans[index] ?? 1)),
    );
  };
  const arePublished = (): boolean =>
    place.value("OPC UA Connections:Abfüllanlage", "opcua_shm") === true &&
    place.value(connectionKey("Ecotec")) === true;
  let plans: number[] = [];

  await run.until("values are published", arePublished);
  await cycles("before it knows its plan");
  // Every transaction asks for the same thing again when a poll is over.
  plans = modbus.map((requests) => 1 + requests.slice(1).findIndex(({ text }) => text === requests[0]?.text));
  assert.ok(plans.every((requests) => requests > 0) && plans.some((requests) => requests > 3), plans.join());
  const setUp = opcua.findLastIndex(({ service }) => service !== "Read") + 1;
  await cycles("without a consumer");

  for (const [name, attack] of Object.entries(attacks)) {
    for (const service of services) attack(place, service);
    await cycles(`after a consumer ${name}`);
  }
  await run.until("documents are whole again", arePublished);
  assert.equal((await run.end()).code, 0);

  assertOnlyReading(plant);
  for (const [index, requests] of modbus.entries()) {
    const plan = requests.slice(0, plans[index]);
    for (const [position, { text }] of requests.entries()) {
      assert.equal(text, plan[position % plan.length]?.text, `request ${position} of device ${index}`);
    }
  }
  const sizes = new Set(opcua.slice(setUp + 3, -2).map(({ service, sizeBytes }) => `${service} ${sizeBytes}`));
  assert.equal(sizes.size, 1, [...sizes].join());
  assert.deepEqual(
    opcua.slice(-2).map(({ service }) => service),
    ["CloseSession", "CloseSecureChannel"],
  );
  // Discovery and the session on one side, one connection for each device on the other.
  assert.deepEqual([plant.opcua.connections, ...plant.modbus.map(({ connections }) => connections)], [2, 1, 1]);
});
