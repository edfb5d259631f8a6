// One service as the main thread sees it: its OS objects, its worker thread, and what is done when either is lost.

import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { Log } from "@cpc-partition/process/log";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { endProcessAtOnce } from "@cpc-partition/image/posix/process-end";
import { ConsumerPair } from "@cpc-partition/documents/consumer-pair";
import { consumerPairNames } from "@cpc-partition/documents/consumer-names";
import { closedDocument } from "@cpc-partition/documents/closed-document";
import { ImageOwner } from "./image-owner.ts";
import type { MessageToMain, MessageToWorker, ModbusOrder, OpcUaOrder } from "../thread-messages.ts";
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
/** A thread that does nothing but JavaScript ends within milliseconds. */
const terminateLimitMs = 300;
/** A consumer that lost its segment must not wait for a service that publishes once an hour. */
const longestCheckMs = 1000;
/** Every look costs some system calls for each object: an interval of a millisecond must not make it the main thread's only work. */
const shortestCheckMs = 50;

export class ServiceThread {
  #plan: ServicePlan;
  readonly #spawn: typeof spawnWorker;
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
  /** What cannot be done at present, by its name, with the reason that the log knows. */
  readonly #troubles = new Map<string, string>();
  #toldFailure: string | undefined;
  #imageLossTold = false;

  /** Creates or takes over the OS objects; throws AnotherWriterError, UnsuitableObjectError or PosixError and leaves nothing behind. */
  constructor(plan: ServicePlan, naming: ObjectNaming, log: Log, spawn = spawnWorker) {
    this.#plan = plan;
    this.#spawn = spawn;
    this.#log = (level, message, fields) => log(level, message, { service: plan.service, ...fields });
    const names = consumerPairNames(plan.service, naming.consumers, naming.prefix);
    const image = `${naming.prefix}${plan.service}_image`;
    this.#image = new ImageOwner(image, (error) => this.#log("error", reasonOf(error), { image }));
    try {
      this.#pairs = ConsumerPair.createAll(names, plan.segmentBytes, "wanted");
    } catch (error) {
      this.#image.close();
      throw error;
    }
  }

  /** `worker`: one that was spawned for this service and has no order yet. */
  start(worker = this.#spawn(this.#plan.service)): void {
    this.#startWorker(worker);
    const checkMs = Math.max(shortestCheckMs, Math.min(longestCheckMs, this.#plan.intervalMs));
    this.#watch = setInterval(() => this.#checkObjects(), checkMs);
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
      if (this.#worker !== undefined) await this.#terminate(this.#worker);
      if (!this.#hasEnded) this.#showClosed();
    }
  }

  /** A thread that hangs in the system, and so cannot be ended, is left to the end of the process. */
  async #terminate(worker: Worker): Promise<void> {
    const limit = new AbortController();
    const isEnded = await Promise.race([
      worker.terminate().then(() => true),
      delay(terminateLimitMs, false, { signal: limit.signal }),
    ]);
    limit.abort();
    if (isEnded) return;
    this.#log("warn", "service thread blocked in a system call (DNS not responding?); exiting without it");
    worker.unref();
    process.once("exit", endProcessAtOnce);
  }

  /** Undoes the constructor: what it made goes, what it took over stays. */
  giveUp(): void {
    for (const pair of this.#pairs) pair.giveUp();
    this.#image.close();
  }

  removeObjects(): void {
    for (const pair of this.#pairs) this.#attempt("remove", pair.names.segmentName, () => pair.remove());
    this.#image.remove();
  }

  close(): void {
    for (const pair of this.#pairs) this.#attempt("close", pair.names.segmentName, () => pair.close());
    this.#image.close();
  }

  #startWorker(worker: Worker): void {
    const startedMs = performance.now();
    this.#worker = worker;
    worker.on("message", (message: MessageToMain) => this.#receive(message));
    let failure: unknown;
    worker.on("error", (error) => (failure = error));
    for (const printed of [worker.stdout, worker.stderr])
      printed.on("data", (text) => this.#log("warn", "the service's thread printed", { text: String(text).trimEnd() }));
    worker.once("exit", () => this.#ended(performance.now() - startedMs, failure));
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

  /** Without room for an image, or with its name taken, the worker goes on with the one it has and asks again. */
  #answer(answer: () => MessageToWorker): void {
    try {
      this.#send(answer());
    } catch (error) {
      this.#send({ kind: "image refused", reason: reasonOf(error) });
    }
  }

  #ended(livedMs: number, failure: unknown): void {
    this.#worker = undefined;
    if (livedMs > wellAfterMs) {
      this.#crashesInRow = 0;
      this.#toldFailure = undefined;
    }
    const isKnown = failure !== undefined && errorText(failure) === this.#toldFailure;
    if (failure !== undefined && !isKnown) {
      this.#toldFailure = errorText(failure);
      this.#log("error", "the service's thread failed", { stack: this.#toldFailure });
    }
    if (this.#isStopping) {
      this.#stopped.resolve();
      return;
    }
    this.#showClosed();
    const pauseMs = Math.min(longestPauseMs, this.#crashesInRow * 1000);
    this.#crashesInRow++;
    const what = isKnown ? "failed as before" : "ended unexpectedly";
    const fields = { pauseMs, livedMs: Math.round(livedMs), crashesInRow: this.#crashesInRow };
    this.#log("error", `the service's thread ${what} and is started again`, fields);
    this.#restart = setTimeout(() => this.#startWorker(this.#spawn(this.#plan.service)), pauseMs);
  }

  #checkObjects(): void {
    const restored = this.#checkPairs();
    const { name } = this.#image;
    const image = this.#attempt("look for", name, () => this.#image.isLost()) ?? false;
    if (image && !this.#imageLossTold)
      this.#log("warn", "somebody removed the process image: a new one is made", { image: name });
    this.#imageLossTold = image;
    if (restored > 0 || image) this.#send({ kind: "objects lost", restored, image });
  }

  /** How many objects were put back. */
  #checkPairs(): number {
    let restored = 0;
    for (const pair of this.#pairs) {
      const { segmentName, semaphoreName } = pair.names;
      const outcome = this.#attempt("check", segmentName, () => pair.check(this.#farewell()));
      if (outcome?.segment === "Restored")
        this.#log("warn", "a consumer removed or spoilt the segment: put back", { segment: segmentName });
      if (outcome?.semaphore === "Restored")
        this.#log("warn", "a consumer removed or spoilt the semaphore: put back", { semaphore: semaphoreName });
      restored += Number(outcome?.segment === "Restored") + Number(outcome?.semaphore === "Restored");
    }
    return restored;
  }

  /** In place of a worker that cannot do it any more. There may be no room even for this. */
  #showClosed(): void {
    this.#image.abandon();
    for (const pair of this.#pairs)
      this.#attempt("show as closed", pair.names.segmentName, () => pair.overwrite(this.#farewell()));
  }

  /** The step's result; undefined when it failed, which is told once, until it succeeds. */
  #attempt<Result>(what: string, object: string, step: () => Result): Result | undefined {
    const trouble = `${what} ${object}`;
    try {
      const result = step();
      this.#troubles.delete(trouble);
      return result;
    } catch (error) {
      const reason = reasonOf(error);
      if (this.#troubles.get(trouble) !== reason) this.#log("error", reason, { object });
      this.#troubles.set(trouble, reason);
      return undefined;
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

/** An error with a code of ours has a message for whoever runs this; of any other, the place where it came from is what helps. */
function reasonOf(error: unknown): string {
  return error instanceof Error && "code" in error ? error.message : errorText(error);
}
