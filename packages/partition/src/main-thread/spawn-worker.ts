// Starting the thread of a service: it loads its protocol stack at once and then waits for its order, so a caller that has other
// things to do first (reading the configuration) loses no time.

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { youngMegabytes } from "../small-process.ts";

/**
 * The thread does not keep the process alive until it is `ref`ed. What its libraries print is for whoever gives it its order: by itself it
 * would go to our standard error and wait for the reader of that.
 */
export function spawnWorker(service: ServiceName): Worker {
  // Sources and built files differ in their ending only, and import.meta.url tells which of them this is.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`../worker-thread/service-worker.${extension}`, import.meta.url), {
    name: service,
    argv: [service],
    stdout: true,
    stderr: true,
    resourceLimits: { maxYoungGenerationSizeMb: youngMegabytes },
  });
  worker.unref();
  return worker;
}

/** Its first message says that its code is loaded. To be called in the turn of the event loop in which it was spawned. */
export async function untilLoaded(worker: Worker): Promise<void> {
  await once(worker, "message");
}
