// The polling threads of a service, as its own thread sees them. It alone writes the image and the journal: so readers have one order of all changes,
// one position, and one generation of the image, however many threads read servers. A polling thread that fails ends the service's thread, which is
// started again with all of them.

import { Worker } from "node:worker_threads";
import type { ServerBlock } from "@cpc-partition/image/server-block";
import type { PackedServer } from "../configuration/packed-configuration.ts";
import type { OtherThreads, ServerLoop } from "../sources/acquisition.ts";
import type { LoopContext } from "../sources/connection-loop.ts";
import type { Source } from "../sources/source.ts";
import type { ServiceOrder } from "../thread-messages.ts";
import { youngMegabytes } from "../small-process.ts";
import { sharedBytes, SharedWords, type MessageToPolling, type PollingOrder } from "./polling-messages.ts";
import { PollingThread } from "./polling-thread.ts";

export interface PlacedSource {
  readonly packed: PackedServer | undefined;
  /** From 0, the service's own. */
  readonly thread: number;
}

export class PollingThreads implements OtherThreads {
  readonly #order: Pick<ServiceOrder, "service" | "intervalMs" | "certificatesDirectory">;
  readonly #placeOf: (source: Source) => PlacedSource;
  readonly #threads = new Map<number, PollingThread>();
  readonly #failed = Promise.withResolvers<never>();

  constructor(
    order: Pick<ServiceOrder, "service" | "intervalMs" | "certificatesDirectory">,
    placeOf: (source: Source) => PlacedSource,
  ) {
    this.#order = order;
    this.#placeOf = placeOf;
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
    return thread.loopOf(source, packed, block);
  }

  get count(): number {
    return this.#threads.size;
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
    const name = `${service}-${number + 1}`;
    const worker = spawnPolling(service, name, { intervalMs, gridStartMs, certificatesDirectory, shared });
    const failed = (error: unknown): void => this.#failed.reject(error);
    const thread = new PollingThread(worker, name, new SharedWords(shared), context, failed);
    this.#threads.set(number, thread);
    return thread;
  }
}

function spawnPolling(service: string, name: string, order: PollingOrder): Worker {
  // Sources and built files differ in their ending only, and import.meta.url tells which of them this is.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./polling-worker.${extension}`, import.meta.url), {
    name,
    argv: [service],
    resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes },
  });
  worker.postMessage({ kind: "start", order } satisfies MessageToPolling);
  return worker;
}
