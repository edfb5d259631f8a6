// The polling threads of a service, as its own thread sees them. It alone writes the image and the journal: so readers have one order of all changes,
// one position, and one generation of the image, however many threads read servers. A polling thread that fails ends the service's thread, which is
// started again with all of them.

import { Worker } from "node:worker_threads";
import type { ServerBlock } from "@cpc-partition/image/server-block";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { ConnectionState } from "@cpc-partition/image/layout";
import type { Log } from "@cpc-partition/process/log";
import { monotonicMs } from "@cpc-partition/process/schedule";
import type { PackedServer } from "../configuration/packed-configuration.ts";
import type { OtherThreads, ServerLoop } from "../sources/acquisition.ts";
import type { LoopContext } from "../sources/connection-loop.ts";
import type { Source } from "../sources/source.ts";
import type { ServiceOrder } from "../thread-messages.ts";
import { youngMegabytes } from "../small-process.ts";
import {
  sharedBytes,
  SharedWords,
  type MessageToPolling,
  type PollingOrder,
  type PollingReport,
} from "./polling-messages.ts";
import { replay } from "./recorded-poll.ts";

/** A polling thread waits as long for a slow poll as this one does for its own, and its answer takes a moment. */
const longestTickMs = 250;

export interface PlacedSource {
  readonly packed: PackedServer | undefined;
  /** From 0, the service's own. */
  readonly thread: number;
}

/** A polling thread ended without an error of its own. */
export class PollingEndedError extends Error {
  override readonly name = "PollingEndedError";
  readonly code = "PollingEnded";

  constructor(thread: string | null, exitCode: number) {
    super(`polling thread ${thread} ended unexpectedly with code ${exitCode}`);
  }
}

export class PollingThreads implements OtherThreads {
  readonly #order: Pick<ServiceOrder, "service" | "intervalMs" | "certificatesDirectory">;
  readonly #placeOf: (source: Source) => PlacedSource;
  readonly #log: Log;
  readonly #threads = new Map<number, PollingThread>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(
    order: Pick<ServiceOrder, "service" | "intervalMs" | "certificatesDirectory">,
    placeOf: (source: Source) => PlacedSource,
    log: Log,
  ) {
    this.#order = order;
    this.#placeOf = placeOf;
    this.#log = log;
    // Whoever waits for it may come later.
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when a polling thread ends by itself. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  loopOf(source: Source, block: ServerBlock, context: LoopContext): ServerLoop | undefined {
    const { packed, thread: number } = this.#placeOf(source);
    if (packed === undefined || number === 0) return undefined;
    const thread = this.#threads.get(number) ?? this.#spawn(number, context);
    return thread.loopOf(packed, block, context);
  }

  async ofTick(instantMs: number): Promise<void> {
    await Promise.all(Array.from(this.#threads.values(), (thread) => thread.ofTick(instantMs)));
  }

  beatAgeMs(): number {
    return Math.max(0, ...Array.from(this.#threads.values(), (thread) => thread.beatAgeMs()));
  }

  async end(): Promise<void> {
    await Promise.all(Array.from(this.#threads.values(), (thread) => thread.end()));
  }

  #spawn(number: number, context: LoopContext): PollingThread {
    const { service, intervalMs, certificatesDirectory } = this.#order;
    const gridStartMs = context.gridOf(undefined).startMs;
    const shared = new SharedArrayBuffer(sharedBytes);
    const worker = spawnPolling(service, number, { intervalMs, gridStartMs, certificatesDirectory, shared });
    const failed = (error: unknown): void => this.#failed.reject(error);
    const thread = new PollingThread(worker, new SharedWords(shared), this.#log, failed);
    this.#threads.set(number, thread);
    return thread;
  }
}

function spawnPolling(service: string, number: number, order: PollingOrder): Worker {
  // Sources and built files differ in their ending only, and import.meta.url tells which of them this is.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./polling-worker.${extension}`, import.meta.url), {
    name: `${service}-${number + 1}`,
    argv: [service],
    resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes },
  });
  worker.postMessage({ kind: "start", order } satisfies MessageToPolling);
  return worker;
}

/** What goes into the image. */
type Learned = Exclude<Extract<PollingReport, { readonly server: number }>, { readonly kind: "ended" }>;

interface Served {
  readonly block: ServerBlock;
  readonly context: LoopContext;
  readonly ended: () => void;
}

class PollingThread {
  readonly #worker: Worker;
  readonly #shared: SharedWords;
  readonly #log: Log;
  readonly #served = new Map<number, Served>();
  /** Those whose end is awaited: what they still report is not shown. */
  readonly #stopped = new Set<number>();
  #ticked: ((instantMs: number) => void) | undefined;
  #servers = 0;
  #isEnding = false;

  constructor(worker: Worker, shared: SharedWords, log: Log, failed: (error: unknown) => void) {
    this.#worker = worker;
    this.#shared = shared;
    this.#log = log;
    worker.on("message", (reports: readonly PollingReport[]) => {
      for (const report of reports) this.#take(report);
      shared.done(reports.length);
    });
    worker.on("error", failed);
    worker.once("exit", (code) => {
      if (!this.#isEnding) failed(new PollingEndedError(worker.threadName, code));
    });
  }

  loopOf(packed: PackedServer, block: ServerBlock, context: LoopContext): ServerLoop {
    const server = this.#servers++;
    const ended = Promise.withResolvers<void>();
    return {
      run: async () => {
        this.#served.set(server, { block, context, ended: ended.resolve });
        this.#send({ kind: "read", server, groups: block.groups.length, packed });
        await ended.promise;
      },
      stop: () => {
        if (this.#stopped.has(server)) return;
        this.#stopped.add(server);
        this.#send({ kind: "stop", server });
        block.showEverywhere({ connection: ConnectionState.stopped }, StatusCode.BadShutdown);
      },
      // The image is asked for more room as soon as a value needs it, and the next poll reads that again.
      renewed: () => {},
    };
  }

  async ofTick(instantMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, longestTickMs);
      this.#ticked = (ofMs) => {
        if (ofMs !== instantMs) return;
        clearTimeout(timer);
        resolve();
      };
      this.#send({ kind: "tick", instantMs });
    });
  }

  /** 0 while it loads its code. */
  beatAgeMs(): number {
    const { beatMs } = this.#shared;
    return beatMs === 0 ? 0 : Math.max(0, monotonicMs() - beatMs);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
  }

  #send(message: MessageToPolling): void {
    this.#worker.postMessage(message);
  }

  #take(report: PollingReport): void {
    switch (report.kind) {
      case "log":
        this.#log(report.level, report.message, report.fields);
        return;
      case "ticked":
        this.#ticked?.(report.instantMs);
        return;
      case "changed":
        for (const { context } of this.#served.values()) return context.changed();
        return;
      case "ended":
        this.#served.get(report.server)?.ended();
        this.#served.delete(report.server);
        this.#stopped.delete(report.server);
        return;
      default: {
        const served = this.#served.get(report.server);
        if (served !== undefined && !this.#stopped.has(report.server)) show(report, served);
      }
    }
  }
}

function show(report: Learned, { block, context }: Served): void {
  switch (report.kind) {
    case "published": {
      const group = block.groups[report.group];
      if (group === undefined) return;
      replay(report.poll, group);
      group.publish(report.connection, report.durationMs);
      if (group.wantsRoom || group.isWithholding) context.changed();
      return;
    }
    case "shown":
      return block.show(report.state);
    case "shown everywhere":
      return block.showEverywhere(report.state, report.status);
    case "counted":
      return block.count(report.counter);
    case "failed":
      return block.countFailure(report.failure);
    case "group counted":
      block.groups[report.group]?.count(report.counter, report.by);
  }
}
