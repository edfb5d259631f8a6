// Entry of a service's worker thread, whose argument is the name of its protocol, and its life: load the protocol, open what the main thread
// made, work until told to stop, close, report.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { parentPort, type MessagePort } from "node:worker_threads";
import type { Log } from "@cpc-partition/process/log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import { unpackServer, type PackedServer } from "../configuration/packed-configuration.ts";
import type { ProtocolClient } from "../protocols/protocol.ts";
import { protocolNamed } from "../protocols/registry.ts";
import { tidyUp } from "../small-process.ts";
import { Acquisition } from "../sources/acquisition.ts";
import { KeyBook } from "../sources/key-book.ts";
import { Division } from "../sources/divide-servers.ts";
import type { Source } from "../sources/source.ts";
import { SourceList } from "../sources/source-list.ts";
import type { MessageToMain, MessageToWorker } from "../thread-messages.ts";
import { ImageChannel } from "./image-channel.ts";
import { surviveFaultsOf } from "./library-faults.ts";
import { neverListen } from "./never-listen.ts";
import { PollingThreads } from "./polling-threads.ts";

if (parentPort === null) throw new TypeError("a service runs in a worker thread of the partition");
// The protocol is loaded while the main thread reads the configuration.
const protocol = protocolNamed(process.argv[2] ?? "");
await work(parentPort, protocol.imageCode, await protocol.loadClient());

async function work(port: MessagePort, serviceCode: number, client: ProtocolClient): Promise<void> {
  client.prepareThread();
  const report = (message: MessageToMain): void => port.postMessage(message);
  report({ kind: "loaded" });
  const [{ order }] = (await once(port, "message")) as [Extract<MessageToWorker, { kind: "start" }>];
  const log: Log = (level, message, fields) => report({ kind: "log", level, message, fields });
  logRuntimeWarnings(log);
  neverListen(log);
  if (client.faultyPackages !== undefined) surviveFaultsOf(client.faultyPackages, log);

  const { service, partitionServices, intervalMs, imageName, certificatesDirectory, namesFile, threads } = order;
  const sourceOf = client.sources({ log, certificatesDirectory, namesFile });
  const packedOf = new WeakMap<Source, PackedServer>();
  const list = new SourceList(
    (packed: PackedServer) => {
      const source = sourceOf(protocol.prepare(unpackServer(packed), intervalMs));
      packedOf.set(source, packed);
      return source;
    },
    (packed) => createHash("sha256").update(packed).digest("base64"),
  );
  const division = new Division(threads, availableParallelism());
  const sourcesOf = (servers: readonly PackedServer[]): readonly Source[] => {
    const sources = list.update(servers);
    const before = division.threads;
    division.update(sources);
    if (division.threads > before) log("info", "several threads read the servers", { threads: division.threads });
    return sources;
  };
  const placeOf = (source: Source) => ({ packed: packedOf.get(source), thread: division.threadOf(source) });
  const others = new PollingThreads(order, placeOf);
  const image = new ImageChannel(imageName, port, log);
  const keys = new KeyBook(log, namesFile);
  const sources = sourcesOf(order.configuration.servers);
  const acquisition = Promise.withResolvers<Acquisition>();
  port.on("message", (message: Exclude<MessageToWorker, { kind: "start" }>) => {
    switch (message.kind) {
      case "stop":
        void acquisition.promise.then((running) => running.stop());
        return;
      case "configuration": {
        const changed = sourcesOf(message.configuration.servers);
        void acquisition.promise.then((running) => running.setSources(changed));
        return;
      }
      case "image lost":
        void acquisition.promise.then((running) => running.imageLost());
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
  // Documents are made of the image, in a process of their own: this one maps nothing that a consumer may write.
  const running = await Acquisition.create({
    service,
    serviceCode,
    partitionServices,
    sources,
    intervalMs,
    image,
    keys,
    log,
    others,
    ticked: tidyUp,
  });
  acquisition.resolve(running);
  await Promise.race([running.run(), others.failed]);
  await others.end();
  await client.written?.();
  close();
  report({ kind: "stopped" });
  port.close();
}
