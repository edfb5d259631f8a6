// The life of a service in its worker thread: open what the main thread made, work until told to stop, close, report.

import { once } from "node:events";
import { parentPort, type MessagePort } from "node:worker_threads";
import type { Log } from "@cpc-partition/process/log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import type { PeriodicReadSettings } from "../sources/client-manager.ts";
import { openConsumerPair, type ConsumerPairHandle } from "@cpc-partition/documents/consumer-pair";
import type { DocumentSegment } from "@cpc-partition/documents/document-segment";
import type { Guard } from "@cpc-partition/documents/guard";
import { ImageChannel } from "./image-channel.ts";
import type { MessageToMain, MessageToWorker, ServiceOrder } from "../thread-messages.ts";

/** What a manager offers to its service; both managers do. */
interface Manager<Configuration> {
  createClients(configuration: Configuration): void;
  startClients(): void;
  periodicRead(
    intervalSeconds: number,
    shmList: readonly DocumentSegment[],
    semaphoreList: readonly Guard[],
    settings: PeriodicReadSettings,
  ): Promise<void>;
  objectsLost(restored: number, isImageLost: boolean): void;
  setTargets(shmList: readonly DocumentSegment[], semaphoreList: readonly Guard[]): void;
}

/** Runs the service that this thread was started for. */
export async function work<Order extends ServiceOrder>(
  createManager: (order: Order, log: Log) => Manager<Order["configuration"]>,
): Promise<void> {
  if (parentPort === null) throw new TypeError("a service runs in a worker thread of the partition");
  const port: MessagePort = parentPort;
  const [start] = (await once(port, "message")) as [Extract<MessageToWorker, { kind: "start" }>];
  const order = start.order as Order;
  const report = (message: MessageToMain): void => port.postMessage(message);
  const log: Log = (level, message, fields) => report({ kind: "log", level, message, fields });
  logRuntimeWarnings(log);

  const manager = createManager(order, log);
  const image = new ImageChannel(order.imageName, port, log);
  const stop = new AbortController();
  let pairs = openPairs(order.pairs);
  port.on("message", (message: Exclude<MessageToWorker, { kind: "start" }>) => {
    switch (message.kind) {
      case "stop":
        stop.abort();
        return;
      case "configuration": {
        const before = pairs;
        pairs = openPairs(message.pairs);
        manager.setTargets(pairs.segments, pairs.guards);
        closeGuards(before.guards, log);
        manager.createClients(message.configuration);
        return;
      }
      case "objects lost":
        manager.objectsLost(message.restored, message.image);
        return;
      default:
        image.answer(message);
    }
  });

  // What a thread has open is the process's: a crash, too, must leave nothing behind.
  const close = (): void => {
    closeGuards(pairs.guards, log);
    image.close();
  };
  process.once("exit", close);
  manager.createClients(order.configuration);
  manager.startClients();
  const settings = { signal: stop.signal, image, document: order.document };
  await manager.periodicRead(order.intervalMs / 1000, pairs.segments, pairs.guards, settings);
  close();
  report({ kind: "stopped" });
  port.close();
}

function openPairs(handles: readonly ConsumerPairHandle[]) {
  const opened = handles.map((handle) => openConsumerPair(handle));
  for (const { guard } of opened) guard.open();
  return { segments: opened.map(({ segment }) => segment), guards: opened.map(({ guard }) => guard) };
}

/** Every one of them is closed, also when the system reports a failure. */
function closeGuards(guards: readonly Guard[], log: Log): void {
  for (const guard of guards) {
    try {
      guard.close();
    } catch (error) {
      log("error", error instanceof Error ? error.message : String(error), { semaphore: guard.name });
    }
  }
}
