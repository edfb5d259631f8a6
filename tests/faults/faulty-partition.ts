// A whole partition in this process, with a real device, whose calls to the system fail on order, in the main thread or in a service's.
//
// What it shows is looked at past the posix layer, so that a look is not among the calls that fail.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Worker } from "node:worker_threads";
import { loadConfigurations } from "../../packages/partition/src/commands/load-configurations.ts";
import type { ServiceName } from "../../packages/image/src/service-name.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { injectFaults } from "../../packages/image/src/posix/libc.ts";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { WholePartition, type WholeOptions } from "../partition/whole-partition.ts";
import { recordingLog, type LogLine } from "../partition/sources/test-source.ts";
import { filesOf, openObjects, ownPrefix } from "../image/posix/own-objects.ts";
import { until } from "../until.ts";
import { birthOf } from "./born-value.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { BornServer } from "./born-server.ts";
import { OrderedFault } from "./ordered-fault.ts";
import { parseDocument } from "../documents/parse-document.ts";

export type Victim = "main" | ServiceName;

const consumers = ["psmo", "interface"];
const intervalMs = 20;
/** The time-out is for a busy machine: nothing here is about servers. */
const settings = "<timeout>10</timeout><retryInterval>0.2</retryInterval>";
const lookMs = 2;

/** What stays the same from life to life: the device, the server, the configuration. */
export interface Plant {
  readonly options: Omit<WholeOptions, "log">;
  readonly services: readonly ServiceName[];
  /** What has to end in any case, the last first. */
  readonly endings: Set<() => Promise<unknown>>;
}

export async function startPlant(t: TestContext, ...services: readonly ServiceName[]): Promise<Plant> {
  const folder = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files: { modbus: string | undefined; opcua: string | undefined } = { modbus: undefined, opcua: undefined };
  if (services.includes("modbus")) {
    const { port } = await startBornDevice(t, 0);
    files.modbus = join(folder, "modbus.xml");
    writeFileSync(files.modbus, bornModbusXml({ alias: "device", port, firstPlace: 0, points: 1, settings }));
  }
  if (services.includes("opcua")) {
    const { port } = await BornServer.start(t, "opcua", 500, 1);
    files.opcua = join(folder, "opcua.xml");
    writeFileSync(files.opcua, bornOpcUaXml({ alias: "server", port, firstPlace: 500, points: 1, settings }));
  }
  const certificatesDirectory = join(folder, "certificates");
  const { modbus: modbusFile, opcua: opcuaFile } = files;
  const paths = {
    modbus: modbusFile === undefined ? undefined : [modbusFile],
    opcua: opcuaFile === undefined ? undefined : [opcuaFile],
  };
  const { modbus, opcua } = (await loadConfigurations({ paths, certificatesDirectory })).services;
  const naming = { consumers, prefix: ownPrefix(t) };
  const options = {
    modbus,
    opcua,
    intervalMs,
    naming,
    segmentBytes: undefined,
    journalBytes: 2 ** 20,
    certificatesDirectory,
    removeOnExit: true,
  };
  const endings: Plant["endings"] = new Set();
  t.after(async () => {
    injectFaults(undefined);
    for (const end of [...endings].toReversed()) await end();
  });
  return { options, services, endings };
}

/** A partition from its creation to its end. */
export class Life {
  readonly lines: LogLine[];
  readonly fault: OrderedFault;
  readonly #plant: Plant;
  readonly #partition: WholePartition;

  /** Throws what the partition throws. `fault` is carried out in the victim's thread, as it is ordered. */
  constructor(
    plant: Plant,
    victim: Victim,
    { fault, workers }: Spares = new Spares(plant, victim),
    changes: Partial<WholeOptions> = {},
  ) {
    const { lines, log } = recordingLog();
    this.lines = lines;
    this.fault = fault;
    this.#plant = plant;
    injectFaults(victim === "main" ? fault.injector : undefined);
    const spawn = (service: ServiceName): Worker =>
      workers.get(service)?.pop() ?? spawnFaulty(plant, service, fault, victim);
    this.#partition = new WholePartition({ ...plant.options, ...changes, log }, spawn);
    plant.endings.add(this.#end);
  }

  start(): void {
    this.#partition.start();
  }

  async stop(): Promise<void> {
    this.#plant.endings.delete(this.#end);
    await this.#end();
    injectFaults(undefined);
  }

  readonly #end = (): Promise<void> => this.#partition.stop();

  /** Every document and image shows good values that were born later. */
  async untilFresh(sinceMs = Date.now()): Promise<void> {
    await this.until("values are fresh", () => this.#births().every((atMs) => atMs > sinceMs));
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await until(what, condition, { lookAgainMs: lookMs, evidence: () => this.texts.join("\n") });
  }

  get texts(): readonly string[] {
    return this.lines.map(({ message, fields }) => {
      const stack = fields?.["stack"];
      return typeof stack === "string" ? `${message} ${stack}` : message;
    });
  }

  /** One consumer's objects and the image are gone, as clean-up jobs do it. */
  disturb(): void {
    for (const service of this.#plant.services)
      for (const name of [
        `${service}_shm_psmo`,
        `${service}_image`,
        `${service}_journal`,
        `sem.${service}_semaphore_psmo`,
      ])
        rmSync(this.#path(name), { force: true });
  }

  /** When the values were born that every consumer finds; 0 for what it does not find. */
  #births(): readonly number[] {
    return this.#plant.services.flatMap((service) => [
      ...consumers.map((consumer) => this.#birthInDocument(`${service}_shm_${consumer}`)),
      this.#birthInImage(`${service}_image`),
    ]);
  }

  #birthInDocument(name: string): number {
    try {
      const document = parseDocument(readFileSync(this.#path(name), "utf8").replace(/\0+$/, "")) as Record<
        string,
        { value: unknown }
      >;
      const value = Object.values(document).at(-1)?.value;
      return typeof value === "number" ? birthOf(value).atMs : 0;
    } catch {
      return 0; // absent, or in the middle of being written
    }
  }

  #birthInImage(name: string): number {
    try {
      const bytes = readFileSync(this.#path(name));
      const reader = new ImageReader(new Uint8Array(bytes).buffer);
      const bank = reader.snapshot(0);
      const isGood = !reader.isRetired && bank?.connection === ConnectionState.connected && bank.status(0) === 0;
      return isGood ? birthOf(bank.number(0, BuiltInType.Double)).atMs : 0;
    } catch {
      return 0;
    }
  }

  #path(name: string): string {
    const { prefix } = this.#plant.options.naming;
    return `/dev/shm/${name.startsWith("sem.") ? `sem.${prefix}${name.slice(4)}` : `${prefix}${name}`}`;
  }
}

/** Threads that load their code while an earlier life is lived, and the fault that one of them is to suffer. */
export class Spares {
  readonly fault = new OrderedFault();
  readonly workers: ReadonlyMap<ServiceName, Worker[]>;

  /** `services`: those whose threads are started now. */
  constructor(plant: Plant, victim: Victim, services = plant.services) {
    this.workers = new Map(services.map((service) => [service, [spawnFaulty(plant, service, this.fault, victim)]]));
  }
}

function spawnFaulty({ endings }: Plant, service: ServiceName, fault: OrderedFault, victim: Victim): Worker {
  const entry = new URL(`../../packages/partition/src/worker-thread/service-worker.ts`, import.meta.url).href;
  const { memory } = victim === service ? fault : new OrderedFault();
  const url = new URL("./faulty-service.ts", import.meta.url);
  const worker = new Worker(url, {
    name: service,
    argv: [service],
    workerData: { memory, entry },
    stdout: true,
    stderr: true,
  });
  const end = (): Promise<unknown> => worker.terminate();
  endings.add(end);
  worker.once("exit", () => endings.delete(end)).unref();
  return worker;
}

/** Nothing of the plant is open in this process or has a name, except names that could not be removed. */
export function assertNothingLeft(plant: Plant, what: string, mayLeaveNames = false): void {
  assert.deepEqual(openObjects(), [], what);
  if (!mayLeaveNames) assert.deepEqual(filesOf(plant.options.naming.prefix), [], what);
}

/** Names that could not be removed are there. */
export function namesLeft(plant: Plant): boolean {
  return filesOf(plant.options.naming.prefix).length > 0;
}
