// Acquisition: one thread for each service that is configured, started together, stopped together.

import type { PackedConfiguration, PackedConfigurations } from "../configuration/packed-configuration.ts";
import type { Worker } from "node:worker_threads";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { perProtocol } from "../protocols/registry.ts";
import { spawnWorker } from "./spawn-worker.ts";
import { giveBackMemorySoon } from "../small-process.ts";
import { ServiceThread, type ServicePlan, type ServiceContext } from "./service-thread.ts";

export interface PartitionOptions extends ServiceContext, PackedConfigurations {
  readonly intervalMs: number;
  readonly certificatesDirectory: string;
  /** Where the names that servers told are remembered; undefined or absent: nowhere. */
  readonly namesFile?: string | undefined;
  readonly removeOnExit: boolean;
  /** That read the servers of a service; undefined or absent: as many as they need. */
  readonly threads?: number | undefined;
}

export type SpawnedWorkers = Readonly<Partial<Record<ServiceName, Worker>>>;

/** SIGTERM to exit takes 5 s at most; a thread that hangs, and a log that nobody reads, are waited for after this. */
const stopLimitMs = 3500;

export class Partition {
  readonly #threads: readonly ServiceThread[];
  readonly #options: PartitionOptions;

  /** Creates every OS object, or none; throws AnotherWriterError, UnsuitableObjectError or PosixError. `spawn` is what starts a thread. */
  constructor(options: PartitionOptions, spawn = spawnWorker) {
    this.#options = options;
    const threads: ServiceThread[] = [];
    try {
      const services = perProtocol<PackedConfiguration>(options).map(({ protocol }) => protocol.name);
      for (const plan of plansOf(options, services)) threads.push(new ServiceThread(plan, options, spawn));
    } catch (error) {
      for (const thread of threads) thread.giveUp();
      throw error;
    }
    this.#threads = threads;
  }

  /** `spawned`: threads that were started earlier, to have their code loaded by now. */
  start(spawned: SpawnedWorkers = {}): void {
    for (const thread of this.#threads) thread.start(spawned[thread.service]);
    giveBackMemorySoon();
  }

  /** Takes over configurations that were checked. A service that did not run before needs a restart of the partition. */
  reconfigure(configurations: PackedConfigurations): void {
    const services = this.#threads.map(({ service }) => service);
    for (const plan of plansOf({ ...this.#options, ...configurations }, services))
      this.#threads.find(({ service }) => service === plan.service)?.reconfigure(plan);
    giveBackMemorySoon();
  }

  /** Resolves when every image has its name, or could not get it. */
  async settled(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.settled));
  }

  /** A sentence for each service whose image nobody can read because it cannot be made. */
  imageTroubles(): readonly string[] {
    return this.#threads.flatMap(({ service, imageTrouble }) =>
      imageTrouble === undefined ? [] : `${service} has no process image and no documents: ${imageTrouble}.`,
    );
  }

  /** Every service's worker lives. */
  isWell(): boolean {
    return this.#threads.every((thread) => thread.isWell());
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop(stopLimitMs)));
    for (const thread of this.#threads) {
      if (this.#options.removeOnExit) thread.removeObjects();
      thread.close();
    }
  }
}

function plansOf(options: PartitionOptions, partitionServices: readonly ServiceName[]): readonly ServicePlan[] {
  const { intervalMs, certificatesDirectory, namesFile, threads } = options;
  return perProtocol<PackedConfiguration>(options).map(({ protocol, value }) => ({
    service: protocol.name,
    partitionServices,
    configuration: value,
    intervalMs,
    certificatesDirectory,
    namesFile: protocol.remembersNames ? namesFile : undefined,
    threads,
  }));
}
