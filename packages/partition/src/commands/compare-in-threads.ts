// Has the configuration compared with the real servers: a thread for each service, in which all servers are asked at the same time. A server that
// is dead costs the others nothing; a thread that does not end in time is left behind, with its servers as unfinished.

import { Worker } from "node:worker_threads";
import { stopSignal } from "@cpc-partition/process/signals";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ComparedServer } from "../sources/compare-source.ts";
import type { ComparisonMessage, ComparisonOrder } from "../worker-thread/comparison-worker.ts";
import { Progress } from "./progress.ts";

export interface Compared extends ComparedServer {
  readonly service: ServiceName;
  /** What a log would have had about the server. */
  readonly remarks: readonly string[];
}

/** To load the protocol, and for the farewell to servers that do not answer. */
const graceMs = 30_000;

/** In the order of the configurations. */
export async function compareInThreads(orders: readonly ComparisonOrder[]): Promise<readonly Compared[]> {
  const stopped = stopSignal("SIGHUP");
  const progress = new Progress();
  const waiting = new Set(orders.flatMap(({ configuration }) => configuration.servers.map(({ alias }) => alias)));
  const count = waiting.size;
  const show = (): void =>
    progress.show(`${count - waiting.size} of ${count} servers compared; waiting for ${[...waiting].join(", ")}`);
  const ticking = setInterval(show, 200);
  try {
    const answered = (server: string): void => void waiting.delete(server);
    return (await Promise.all(orders.map((order) => compareService(order, stopped, answered)))).flat();
  } finally {
    clearInterval(ticking);
    progress.clear();
  }
}

async function compareService(
  order: ComparisonOrder,
  stopped: Promise<unknown>,
  answered: (server: string) => void,
): Promise<readonly Compared[]> {
  const { service, configuration, withinMs } = order;
  // Sources and built files differ in their ending only, and import.meta.url tells which of them this is.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`../worker-thread/comparison-worker.${extension}`, import.meta.url), {
    name: service,
    workerData: order,
    stdout: true,
    stderr: true,
  });
  const found = new Map<number, ComparisonMessage>();
  worker.on("message", (message: ComparisonMessage) => {
    found.set(message.index, message);
    answered(message.compared.server);
  });
  void stopped.then(() => worker.postMessage("stop"));
  const why = await new Promise<string>((resolve) => {
    setTimeout(() => resolve("the time was over"), withinMs + graceMs).unref();
    worker.once("error", (error) => resolve(error.message));
    worker.once("exit", () => resolve("its thread ended early"));
  });
  // Not waited for: it may hang in the system.
  void worker.terminate();
  worker.unref();
  return configuration.servers.map(({ alias }, index) => {
    const { compared = unanswered(alias, why), remarks = [] } = found.get(index) ?? {};
    return Object.assign({ service, remarks }, compared);
  });
}

function unanswered(server: string, why: string): ComparedServer {
  const message = `the comparison came to no end because ${why}; try it with this server alone`;
  const differences = [{ kind: "unfinished", message, points: [] }] as const;
  return { server, points: 0, pointsWithValue: 0, groups: [], differences };
}
