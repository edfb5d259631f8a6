// One service as the main thread sees it: its OS objects, its worker thread, and what is done when either is lost.

import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import type { Log } from "@cpc-partition/process/log";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { PosixError } from "@cpc-partition/image/posix/errno";
import { endProcessAtOnce } from "@cpc-partition/image/posix/process-end";
import { reasonOf, Troubles } from "@cpc-partition/process/troubles";
import { ImageHeader } from "@cpc-partition/image/image-header";
import { header } from "@cpc-partition/image/layout";
import { OpenedObject } from "@cpc-partition/image/opened-object";
import { isHeartbeatOld } from "@cpc-partition/image/usable-value";
import { nameBefore, nameEarlier } from "@cpc-partition/image/kept-names";
import { ImageOwner } from "./image-owner.ts";
import { JournalOwner } from "./journal-owner.ts";
import type { MessageToMain, MessageToWorker, ServiceOrder } from "../thread-messages.ts";
import { spawnWorker } from "./spawn-worker.ts";

/** What a service is started with, before there are OS objects. */
export type ServicePlan = Omit<ServiceOrder, "imageName">;

export interface ServiceContext {
  /** Before every name in shared memory. */
  readonly prefix: string;
  /** Size of the journal; 0 or absent: none. */
  readonly journalBytes?: number;
  readonly log: Log;
}

/** After a crash: at once when the worker had been well for a while, else with growing pauses. */
const wellAfterMs = 60_000;
const longestPauseMs = 5000;
/** A thread that does nothing but JavaScript ends within milliseconds. */
const terminateLimitMs = 300;
/** Readers must not wait for the image of a service that polls once an hour. */
const longestCheckMs = 1000;
/** A worker that is asked for nothing says nothing, but its image has a heartbeat. */
const silentAfterMs = 5000;
/** Every look costs some system calls: an interval of a millisecond must not make it the main thread's only work. */
const shortestCheckMs = 50;

export class ServiceThread {
  #plan: ServicePlan;
  readonly #spawn: typeof spawnWorker;
  readonly #log: Log;
  readonly #image: ImageOwner;
  readonly #journal: JournalOwner;
  #worker: Worker | undefined;
  #watch: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #crashesInRow = 0;
  #isStopping = false;
  /** The present worker has an image under its name. */
  #isAnnounced = false;
  /** The worker has closed every connection. */
  #hasEnded = false;
  readonly #stopped = Promise.withResolvers<void>();
  readonly #settled = Promise.withResolvers<void>();
  /** As everybody sees it, without the directory: points are of no interest here. */
  readonly #seen: OpenedObject<ImageHeader>;
  #heardMs = performance.now();
  readonly #troubles: Troubles;
  #loggedFailure: string | undefined;
  #imageLossTold = false;
  /** Why the image that was asked for last is not there. */
  #refusal: string | undefined;

  /** Creates or takes over the OS objects; throws AnotherWriterError, UnsuitableObjectError or PosixError and leaves nothing behind. */
  constructor(plan: ServicePlan, { prefix, journalBytes = 0, log }: ServiceContext, spawn = spawnWorker) {
    this.#plan = plan;
    this.#spawn = spawn;
    this.#log = (level, message, fields) => log(level, message, { service: plan.service, ...fields });
    this.#troubles = new Troubles(this.#log);
    const image = `${prefix}${plan.service}_image`;
    this.#image = new ImageOwner(
      image,
      (error) => this.#log("error", reasonOf(error), { image }),
      (reason) => this.#log("warn", `${reason}: removed, a new object takes its name`, { image }),
    );
    this.#seen = new OpenedObject(image, header.bytes, (memory) => new ImageHeader(memory));
    this.#journal = new JournalOwner(`${prefix}${plan.service}_journal`, journalBytes, this.#log);
  }

  /** `worker`: one that was spawned for this service and has no order yet. */
  start(worker = this.#spawn(this.#plan.service)): void {
    this.#startWorker(worker);
    const checkMs = Math.max(shortestCheckMs, Math.min(longestCheckMs, this.#plan.intervalMs));
    this.#watch = setInterval(() => this.#checkObjects(), checkMs);
  }

  /** Takes over a configuration that was checked: servers that did not change go on undisturbed. */
  reconfigure(plan: ServicePlan): void {
    this.#plan = plan;
    this.#send({ kind: "configuration", configuration: plan.configuration });
  }

  get service(): ServiceName {
    return this.#plan.service;
  }

  /** Resolves when the first image has its name, or could not get it. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Why nobody can read the image; undefined: everybody can, or the first one is being made. */
  get imageTrouble(): string | undefined {
    return this.#isAnnounced && !this.#imageLossTold ? undefined : this.#refusal;
  }

  /** The worker has given a sign of life: its heartbeat in the image, or a message where there can be no image. */
  isWell(): boolean {
    const image = this.#seen.isCurrent() ? this.#seen.reader : this.#seen.reopen();
    if (image !== undefined && !image.isRetired && !isHeartbeatOld(image, Date.now())) return true;
    return performance.now() - this.#heardMs < Math.max(silentAfterMs, 3 * this.#plan.intervalMs);
  }

  /** Resolves when every connection is closed, or after `limitMs`. The image stays. */
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
      if (!this.#hasEnded) this.#image.abandon();
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
    this.#log(
      "warn",
      `service thread has not ended within ${terminateLimitMs} ms (a busy machine, or DNS that does not respond?); exiting without it`,
    );
    worker.unref();
    process.once("exit", endProcessAtOnce);
  }

  /** Undoes the constructor: what it made goes, what it took over stays. */
  giveUp(): void {
    this.#seen.close();
    this.#image.close();
  }

  /** A journal means nothing without the images that name its points. */
  removeObjects(): void {
    this.#troubles.attempt("remove", this.#journal.name, () => this.#journal.remove());
    this.#image.remove();
  }

  close(): void {
    this.#seen.close();
    this.#image.close();
    this.#troubles.attempt("close", this.#journal.name, () => this.#journal.close());
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
    this.#send({ kind: "start", order: { ...this.#plan, imageName: this.#image.name } });
  }

  #receive(message: MessageToMain): void {
    this.#heardMs = performance.now();
    switch (message.kind) {
      case "loaded":
        return;
      case "log":
        this.#log(message.level, message.message, message.fields);
        return;
      case "image wanted":
        this.#answer(() => ({ kind: "image memory", ...this.#prepareImage(message.sizeBytes) }));
        return;
      case "image complete":
        this.#answer(() => {
          this.#announce(message.isRenumbered);
          return { kind: "image announced" };
        });
        return;
      case "image unmapped":
        this.#refused(message.reason);
        return;
      case "journal taken":
        this.#journal.taken(message.isMapped);
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
      const reason = reasonOf(error);
      this.#refused(reason);
      this.#send({ kind: "image refused", reason });
    }
  }

  /** Nobody waits for the image any longer. */
  #refused(reason: string): void {
    this.#refusal = reason;
    this.#settled.resolve();
  }

  #prepareImage(sizeBytes: number): ReturnType<ImageOwner["prepare"]> {
    try {
      return this.#image.prepare(sizeBytes);
    } catch (error) {
      const isFull = error instanceof PosixError && error.code === "ENOSPC";
      if (!isFull || this.#troubles.attempt("remove", "journal", () => this.#journal.giveWay()) !== true) throw error;
      return this.#image.prepare(sizeBytes);
    }
  }

  /**
   * Images come first: a journal is given what memory is left. The image before is kept for the journal that it belongs to, which has the name of
   * the run before already: whoever finds a journal finds its image, under the one name or the other.
   */
  #announce(isRenumbered: boolean): void {
    const { name } = this.#image;
    const keptRun = this.#journal.keepBefore();
    const earlier = isRenumbered && this.#journal.isThere ? nameEarlier(name) : undefined;
    this.#image.announce(keptRun !== undefined && keptRun === this.#image.startedNs ? nameBefore(name) : earlier);
    this.#isAnnounced = true;
    this.#refusal = undefined;
    this.#settled.resolve();
    this.#supplyJournal();
  }

  #supplyJournal(): void {
    const memory = this.#isAnnounced
      ? this.#troubles.attempt("make", this.#journal.name, () => this.#journal.supply(this.#image.sizeBytes))
      : undefined;
    if (memory !== undefined) this.#send({ kind: "journal memory", ...memory });
  }

  #ended(livedMs: number, failure: unknown): void {
    this.#worker = undefined;
    if (livedMs > wellAfterMs) {
      this.#crashesInRow = 0;
      this.#loggedFailure = undefined;
    }
    const isKnown = failure !== undefined && errorText(failure) === this.#loggedFailure;
    if (failure !== undefined && !isKnown) {
      this.#loggedFailure = errorText(failure);
      this.#log("error", "the service's thread failed", { stack: this.#loggedFailure });
    }
    if (this.#isStopping) {
      this.#stopped.resolve();
      return;
    }
    // Nobody fills the image any more: its readers, the documents among them, are told.
    this.#image.abandon();
    this.#isAnnounced = false;
    this.#journal.abandon();
    this.#refused("its thread ended unexpectedly and is started again");
    const pauseMs = Math.min(longestPauseMs, this.#crashesInRow * 1000);
    this.#crashesInRow++;
    const what = isKnown ? "failed as before" : "ended unexpectedly";
    const fields = { pauseMs, livedMs: Math.round(livedMs), crashesInRow: this.#crashesInRow };
    this.#log("error", `the service's thread ${what} and is started again`, fields);
    this.#restart = setTimeout(() => this.#startWorker(this.#spawn(this.#plan.service)), pauseMs);
  }

  #checkObjects(): void {
    const { name } = this.#image;
    const isLost = this.#troubles.attempt("look for", name, () => this.#image.isLost()) ?? false;
    if (isLost && !this.#imageLossTold)
      this.#log("warn", "somebody removed the process image or linked it to another name: a new one is made", {
        image: name,
      });
    this.#imageLossTold = isLost;
    if (isLost) this.#send({ kind: "image lost" });
    this.#supplyJournal();
  }

  #send(message: MessageToWorker): void {
    this.#worker?.postMessage(message);
  }
}

function errorText(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
