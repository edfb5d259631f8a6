// Acquisition and documents together in this process, as `cpc run` has them in two.

import { setTimeout as pause } from "node:timers/promises";
import type { DocumentSettings } from "../../packages/documents/src/document-form.ts";
import { runDocuments, type StopOrder } from "../../packages/documents/src/documents.ts";
import {
  Partition,
  type PartitionOptions,
  type SpawnedWorkers,
} from "../../packages/partition/src/main-thread/partition.ts";
import type { spawnWorker } from "../../packages/partition/src/main-thread/spawn-worker.ts";

export interface WholeOptions extends Omit<PartitionOptions, "prefix"> {
  readonly naming: { readonly consumers: readonly string[]; readonly prefix: string };
  readonly segmentBytes?: number | undefined;
  readonly document?: DocumentSettings;
}

const restartPauseMs = 20;

export class WholePartition {
  readonly #options: WholeOptions;
  readonly #partition: Partition;
  readonly #stopped = Promise.withResolvers<StopOrder>();
  #isStopped = false;
  #documents: Promise<void> = Promise.resolve();

  /** Throws what the partition throws. */
  constructor(options: WholeOptions, spawn?: typeof spawnWorker) {
    this.#options = options;
    this.#partition = new Partition({ ...options, prefix: options.naming.prefix }, spawn);
  }

  start(spawned: SpawnedWorkers = {}): void {
    this.#partition.start(spawned);
    this.#documents = this.#keepDocuments();
  }

  reconfigure(configurations: Pick<PartitionOptions, "opcua" | "modbus">): void {
    this.#partition.reconfigure(configurations);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopped.resolve({ removeObjects: this.#options.removeOnExit });
    await Promise.all([this.#partition.stop(), this.#documents]);
  }

  /** As the supervisor does it. */
  async #keepDocuments(): Promise<void> {
    const { opcua, modbus, naming, segmentBytes, document = {}, log } = this.#options;
    const services = [
      ...(opcua === undefined ? [] : (["opcua"] as const)),
      ...(modbus === undefined ? [] : (["modbus"] as const)),
    ];
    do {
      try {
        await runDocuments({ services, ...naming, segmentBytes, document }, this.#stopped.promise, log);
        return;
      } catch (error) {
        log("error", `documents failed: ${error instanceof Error ? error.message : String(error)}`);
        await pause(restartPauseMs);
      }
    } while (!this.#isStopped);
  }
}
