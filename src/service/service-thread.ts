// One service as the main thread sees it: its OS objects, its worker thread, and what is done when either is lost.

import { Worker } from "node:worker_threads";
import type { Log } from "../logging/log.ts";
import type { ServiceName } from "../point/service-name.ts";
import { ConsumerPair } from "../shared-memory/consumer-pair.ts";
import { consumerPairNames } from "../shared-memory/consumer-names.ts";
import { ImageOwner } from "./image-owner.ts";
import type { MessageToMain, MessageToWorker, ModbusOrder, OpcUaOrder } from "./service-messages.ts";

/** What a service is started with, before there are OS objects. */
export type ServicePlan = (Omit<ModbusOrder, "pairs" | "imageName"> | Omit<OpcUaOrder, "pairs" | "imageName">) & {
  readonly segmentBytes: number;
};

export interface ObjectNaming {
  readonly consumers: readonly string[];
  readonly prefix: string;
}

/** After a crash: at once when the worker had been well for a while, else with growing pauses. */
const wellAfterMs = 60_000;
const longestPauseMs = 5000;

const entries = {
  opcua: "opcua-service",
  modbus: "modbus-tcp-service",
} as const;

export class ServiceThread {
  #plan: ServicePlan;
  readonly #log: Log;
  readonly #pairs: readonly ConsumerPair[];
  readonly #image: ImageOwner;
  #worker: Worker | undefined;
  #watch: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #crashesInRow = 0;
  #isStopping = false;
  readonly #stopped = Promise.withResolvers<void>();
  #troubleTold = false;

  /** Creates or takes over the OS objects; throws AnotherWriterError, UnsuitableObjectError or PosixError and leaves nothing behind. */
  constructor(plan: ServicePlan, naming: ObjectNaming, log: Log) {
    this.#plan = plan;
    this.#log = (level, message, fields) => log(level, message, { service: plan.service, ...fields });
    const names = consumerPairNames(plan.service, naming.consumers, naming.prefix);
    this.#image = new ImageOwner(`${naming.prefix}${plan.service}_image`);
    try {
      this.#pairs = ConsumerPair.createAll(names, plan.segmentBytes);
    } catch (error) {
      this.#image.close();
      throw error;
    }
  }

  start(): void {
    this.#startWorker();
    this.#watch = setInterval(() => this.#checkPairs(), this.#plan.intervalMs);
  }

  /** Takes over a configuration that was checked: servers that did not change go on undisturbed. Throws a PosixError when there is no room. */
  reconfigure(plan: ServicePlan): void {
    for (const pair of this.#pairs) {
      const { sizeBytes } = pair;
      pair.grow(plan.segmentBytes);
      if (pair.sizeBytes === sizeBytes) continue;
      const fields = { segment: pair.names.segmentName, sizeBytes: pair.sizeBytes };
      this.#log("warn", "the segment has grown: consumers see all of it when they open it again", fields);
    }
    this.#plan = plan;
    const pairs = this.#pairs.map((pair) => pair.handle());
    this.#send({ kind: "configuration", configuration: plan.configuration, pairs });
  }

  get service(): ServiceName {
    return this.#plan.service;
  }

  /** Resolves when the last document is written and every connection closed, or after `limitMs`. The objects stay. */
  async stop(limitMs: number): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#watch);
    clearTimeout(this.#restart);
    if (this.#worker !== undefined) {
      this.#send({ kind: "stop" });
      const timer = setTimeout(() => this.#stopped.resolve(), limitMs);
      await this.#stopped.promise;
      clearTimeout(timer);
      await this.#worker?.terminate();
    }
  }

  removeObjects(): void {
    for (const pair of this.#pairs) pair.remove();
    this.#image.remove();
  }

  close(): void {
    for (const pair of this.#pairs) pair.close();
    this.#image.close();
  }

  #startWorker(): void {
    const startedMs = performance.now();
    // Sources and built files differ in their ending only, and import.meta.url tells which of them this is.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const entry = new URL(`./${entries[this.#plan.service]}.${extension}`, import.meta.url);
    const { segmentBytes: _, ...plan } = this.#plan;
    const workerData = { ...plan, pairs: this.#pairs.map((pair) => pair.handle()), imageName: this.#image.name };
    const worker = new Worker(entry, { name: this.#plan.service, workerData });
    this.#worker = worker;
    worker.on("message", (message: MessageToMain) => this.#receive(message));
    worker.on("error", (error) => this.#log("error", "the service's thread failed", { stack: errorText(error) }));
    worker.once("exit", () => this.#ended(performance.now() - startedMs));
  }

  #receive(message: MessageToMain): void {
    switch (message.kind) {
      case "log":
        this.#log(message.level, message.message, message.fields);
        return;
      case "image wanted":
        this.#send({ kind: "image memory", ...this.#image.prepare(message.sizeBytes) });
        return;
      case "image complete":
        this.#image.announce();
        this.#send({ kind: "image announced" });
        return;
      case "stopped":
        this.#stopped.resolve();
    }
  }

  #ended(livedMs: number): void {
    this.#worker = undefined;
    if (this.#isStopping) {
      this.#stopped.resolve();
      return;
    }
    if (livedMs > wellAfterMs) this.#crashesInRow = 0;
    const pauseMs = Math.min(longestPauseMs, this.#crashesInRow * 1000);
    this.#crashesInRow++;
    this.#log("error", "the service's thread ended unexpectedly and is started again", {
      pauseMs,
      livedMs: Math.round(livedMs),
    });
    this.#restart = setTimeout(() => this.#startWorker(), pauseMs);
  }

  #checkPairs(): void {
    for (const pair of this.#pairs) {
      try {
        const { segment, semaphore } = pair.check();
        if (segment === "Restored")
          this.#log("warn", "a consumer removed or cut the segment: put back", { segment: pair.names.segmentName });
        if (semaphore === "Restored")
          this.#log("warn", "a consumer removed or spoilt the semaphore: put back", {
            semaphore: pair.names.semaphoreName,
          });
        this.#troubleTold = false;
      } catch (error) {
        if (!this.#troubleTold) this.#log("error", errorText(error), { segment: pair.names.segmentName });
        this.#troubleTold = true;
      }
    }
  }

  #send(message: MessageToWorker): void {
    this.#worker?.postMessage(message);
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
