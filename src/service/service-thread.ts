// One service as the main thread sees it: its OS objects, its worker thread, and what is done when either is lost.

import type { Worker } from "node:worker_threads";
import type { Log } from "../logging/log.ts";
import type { ServiceName } from "../point/service-name.ts";
import { ConsumerPair } from "../shared-memory/consumer-pair.ts";
import { consumerPairNames } from "../shared-memory/consumer-names.ts";
import { closedDocument } from "../shared-memory/closed-document.ts";
import { ImageOwner } from "./image-owner.ts";
import type { MessageToMain, MessageToWorker, ModbusOrder, OpcUaOrder } from "./service-messages.ts";
import { connectionsOf } from "./service-size.ts";
import { spawnWorker } from "./spawn-worker.ts";

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
/** A consumer that lost its segment must not wait for a service that publishes once an hour. */
const longestCheckMs = 1000;

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
  /** The worker has written its last document. */
  #hasEnded = false;
  readonly #stopped = Promise.withResolvers<void>();
  #troubleTold = false;
  #imageLossTold = false;

  /** Creates or takes over the OS objects; throws AnotherWriterError, UnsuitableObjectError or PosixError and leaves nothing behind. */
  constructor(plan: ServicePlan, naming: ObjectNaming, log: Log) {
    this.#plan = plan;
    this.#log = (level, message, fields) => log(level, message, { service: plan.service, ...fields });
    const names = consumerPairNames(plan.service, naming.consumers, naming.prefix);
    this.#image = new ImageOwner(`${naming.prefix}${plan.service}_image`);
    try {
      this.#pairs = ConsumerPair.createAll(names, plan.segmentBytes, "wanted");
    } catch (error) {
      this.#image.close();
      throw error;
    }
  }

  /** `worker` was spawned for this service and has no order yet. */
  start(worker: Worker): void {
    this.#startWorker(worker);
    this.#watch = setInterval(() => this.#checkObjects(), Math.min(longestCheckMs, this.#plan.intervalMs));
  }

  /** Makes the segments large enough for a plan that may come. Throws a PosixError when there is no room. */
  makeRoom(plan: ServicePlan): void {
    for (const pair of this.#pairs) {
      const { sizeBytes } = pair;
      pair.grow(plan.segmentBytes);
      if (pair.sizeBytes === sizeBytes) continue;
      const fields = { segment: pair.names.segmentName, sizeBytes: pair.sizeBytes };
      this.#log("warn", "the segment has grown: consumers see all of it when they open it again", fields);
    }
  }

  /** Takes over a configuration that was checked and that there is room for: servers that did not change go on undisturbed. */
  reconfigure(plan: ServicePlan): void {
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
      if (!this.#hasEnded) this.#showClosed();
    }
  }

  /** Undoes the constructor: what it made goes, what it took over stays. */
  giveUp(): void {
    for (const pair of this.#pairs) pair.giveUp();
    this.#image.close();
  }

  removeObjects(): void {
    for (const pair of this.#pairs) pair.remove();
    this.#image.remove();
  }

  close(): void {
    for (const pair of this.#pairs) pair.close();
    this.#image.close();
  }

  #startWorker(worker: Worker): void {
    const startedMs = performance.now();
    this.#worker = worker;
    worker.on("message", (message: MessageToMain) => this.#receive(message));
    worker.on("error", (error) => this.#log("error", "the service's thread failed", { stack: errorText(error) }));
    for (const printed of [worker.stdout, worker.stderr])
      printed.on("data", (text) => this.#log("warn", "the service's thread printed", { text: String(text).trimEnd() }));
    worker.once("exit", () => this.#ended(performance.now() - startedMs));
    worker.ref();
    const { segmentBytes: _, ...plan } = this.#plan;
    const pairs = this.#pairs.map((pair) => pair.handle());
    this.#send({ kind: "start", order: { ...plan, pairs, imageName: this.#image.name } });
  }

  #receive(message: MessageToMain): void {
    switch (message.kind) {
      case "log":
        this.#log(message.level, message.message, message.fields);
        return;
      case "image wanted":
        this.#answer(() => ({ kind: "image memory", ...this.#image.prepare(message.sizeBytes) }));
        return;
      case "image complete":
        this.#answer(() => {
          this.#image.announce();
          return { kind: "image announced" };
        });
        return;
      case "stopped":
        this.#hasEnded = true;
        this.#stopped.resolve();
    }
  }

  /** Without room for an image, or with its name taken, the worker goes on with the one it has, or fails and is started again. */
  #answer(answer: () => MessageToWorker): void {
    try {
      this.#send(answer());
    } catch (error) {
      this.#send({ kind: "image refused", reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #ended(livedMs: number): void {
    this.#worker = undefined;
    if (this.#isStopping) {
      this.#stopped.resolve();
      return;
    }
    this.#showClosed();
    if (livedMs > wellAfterMs) this.#crashesInRow = 0;
    const pauseMs = Math.min(longestPauseMs, this.#crashesInRow * 1000);
    this.#crashesInRow++;
    this.#log("error", "the service's thread ended unexpectedly and is started again", {
      pauseMs,
      livedMs: Math.round(livedMs),
    });
    this.#restart = setTimeout(() => this.#startWorker(spawnWorker(this.#plan.service)), pauseMs);
  }

  #checkObjects(): void {
    const restored = this.#checkPairs();
    const image = this.#image.isLost();
    if (image && !this.#imageLossTold)
      this.#log("warn", "somebody removed the process image: a new one is made", { image: this.#image.name });
    this.#imageLossTold = image;
    if (restored > 0 || image) this.#send({ kind: "objects lost", restored, image });
  }

  /** How many objects were put back. */
  #checkPairs(): number {
    let restored = 0;
    for (const pair of this.#pairs) {
      try {
        const { segment, semaphore } = pair.check(this.#farewell());
        if (segment === "Restored")
          this.#log("warn", "a consumer removed or cut the segment: put back", { segment: pair.names.segmentName });
        if (semaphore === "Restored")
          this.#log("warn", "a consumer removed or spoilt the semaphore: put back", {
            semaphore: pair.names.semaphoreName,
          });
        restored += Number(segment === "Restored") + Number(semaphore === "Restored");
        this.#troubleTold = false;
      } catch (error) {
        if (!this.#troubleTold) this.#log("error", errorText(error), { segment: pair.names.segmentName });
        this.#troubleTold = true;
      }
    }
    return restored;
  }

  /** In place of a worker that cannot do it any more. Never throws: there may be no room even for this. */
  #showClosed(): void {
    try {
      this.#image.abandon();
      for (const pair of this.#pairs) pair.overwrite(this.#farewell());
    } catch (error) {
      this.#log("error", `cannot show every connection as closed: ${errorText(error)}`);
    }
  }

  /** What a segment shows that gets no documents any more: no connection, no values. */
  #farewell(): Uint8Array {
    return closedDocument(connectionsOf(this.#plan));
  }

  #send(message: MessageToWorker): void {
    this.#worker?.postMessage(message);
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
