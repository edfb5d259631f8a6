// The life of a service in its worker thread: open what the main thread made, work until told to stop, close, report.

import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import type { Log } from "../logging/log.ts";
import type { PeriodicReadSettings } from "../polling/client-manager.ts";
import { openConsumerPair } from "../shared-memory/consumer-pair.ts";
import type { DocumentSegment } from "../shared-memory/document-segment.ts";
import type { Guard } from "../shared-memory/guard.ts";
import { ImageChannel } from "./image-channel.ts";
import type { MessageToMain, MessageToWorker, ServiceOrder } from "./service-messages.ts";

/** What a manager offers to its service; both managers do. */
interface PeriodicReader {
  startClients(): void;
  periodicRead(
    intervalSeconds: number,
    shmList: readonly DocumentSegment[],
    semaphoreList: readonly Guard[],
    settings: PeriodicReadSettings,
  ): Promise<void>;
}

/** Runs the service that this thread was started for. `createManager` gets the order and makes the clients. */
export async function work<Order extends ServiceOrder>(
  createManager: (order: Order, log: Log) => PeriodicReader,
): Promise<void> {
  if (parentPort === null) throw new TypeError("a service runs in a worker thread of the partition");
  const port: MessagePort = parentPort;
  const order = workerData as Order;
  const report = (message: MessageToMain): void => port.postMessage(message);
  const log: Log = (level, message, fields) => report({ kind: "log", level, message, fields });

  const stop = new AbortController();
  const image = new ImageChannel(order.imageName, port);
  port.on("message", (message: MessageToWorker) => {
    if (message.kind === "stop") stop.abort();
    else image.answer(message);
  });

  const manager = createManager(order, (level, message, fields) =>
    log(level, message, { service: order.service, ...fields }),
  );
  manager.startClients();
  const pairs = order.pairs.map((handle) => openConsumerPair(handle));
  const segments = pairs.map(({ segment }) => segment);
  const guards = pairs.map(({ guard }) => guard);
  try {
    await manager.periodicRead(order.intervalMs / 1000, segments, guards, { signal: stop.signal, image });
  } finally {
    for (const guard of guards) guard.close();
  }
  report({ kind: "stopped" });
  port.close();
}
