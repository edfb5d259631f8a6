// The life of a service in its worker thread: open what the main thread made, work until told to stop, close, report.

import { once } from "node:events";
import { parentPort, type MessagePort } from "node:worker_threads";
import type { Log } from "@cpc-partition/process/log";
import { PosixError } from "@cpc-partition/image/posix/errno";
import { giveUpListening } from "@cpc-partition/image/posix/no-listening";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import type { PeriodicReadSettings } from "../library/client-manager.ts";
import { ImageChannel } from "./image-channel.ts";
import type { MessageToMain, MessageToWorker, ServiceOrder } from "../thread-messages.ts";

/** What a manager offers to its service; both managers do. */
interface Manager<Configuration> {
  createClients(configuration: Configuration): void;
  startClients(): void;
  periodicRead(
    intervalSeconds: number,
    shmList: readonly never[],
    semaphoreList: readonly never[],
    settings: PeriodicReadSettings,
  ): Promise<void>;
  imageLost(): void;
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
  neverListen(log);

  const manager = createManager(order, log);
  const image = new ImageChannel(order.imageName, port, log);
  const stop = new AbortController();
  port.on("message", (message: Exclude<MessageToWorker, { kind: "start" }>) => {
    switch (message.kind) {
      case "stop":
        stop.abort();
        return;
      case "configuration":
        manager.createClients(message.configuration);
        return;
      case "image lost":
        manager.imageLost();
        return;
      case "journal memory":
        image.journalCame(message);
        return;
      default:
        image.answer(message);
    }
  });

  // What a thread has open is the process's: a crash, too, must leave nothing behind.
  const close = (): void => image.close();
  process.once("exit", close);
  manager.createClients(order.configuration);
  manager.startClients();
  // Documents are made of the image, in a process of their own: this one maps nothing that a consumer may write.
  await manager.periodicRead(order.intervalMs / 1000, [], [], { signal: stop.signal, image });
  close();
  report({ kind: "stopped" });
  port.close();
}

/** A thread that talks to the plant has no reason to be called. Where the kernel cannot hold it to that, only our code does. */
function neverListen(log: Log): void {
  try {
    giveUpListening();
  } catch (error) {
    if (!(error instanceof PosixError)) throw error;
    log("warn", error.message);
  }
}
