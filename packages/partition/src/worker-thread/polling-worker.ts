// Entry of a polling thread, whose argument is the name of its protocol: it reads servers and reports everything to the thread of its service. It maps
// no image and knows of no other servers than its own.

import { once } from "node:events";
import { parentPort, type MessagePort } from "node:worker_threads";
import { Grid, monotonicMs } from "@cpc-partition/process/schedule";
import type { Log } from "@cpc-partition/process/log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import { unpackServer } from "../configuration/packed-configuration.ts";
import type { ProtocolClient } from "../protocols/protocol.ts";
import { protocolNamed } from "../protocols/registry.ts";
import { collectMessages, giveBackMemorySoon } from "../small-process.ts";
import { headStartOf } from "../sources/acquisition.ts";
import { ConnectionLoop } from "../sources/connection-loop.ts";
import { PollsInFlight } from "../sources/polls-in-flight.ts";
import { surviveFaultsOf } from "./library-faults.ts";
import { neverListen } from "./never-listen.ts";
import { sharedBeatMs, SharedWords, type MessageToPolling, type PollingReport } from "./polling-messages.ts";
import { ReportedServer } from "./reported-server.ts";

/** Reports that the service's thread has not done with; while there are more, no poll begins, so memory is bounded. */
const mostOutstanding = 256;

if (parentPort === null) throw new TypeError("a polling thread belongs to the thread of a service");
const protocol = protocolNamed(process.argv[2] ?? "");
await work(parentPort, await protocol.loadClient());

async function work(port: MessagePort, client: ProtocolClient): Promise<void> {
  client.prepareThread();
  const [{ order }] = (await once(port, "message")) as [Extract<MessageToPolling, { kind: "start" }>];
  const { intervalMs, gridStartMs, certificatesDirectory } = order;
  const shared = new SharedWords(order.shared);
  // What happens in one turn of the event loop goes out together: a message costs more than what a small poll has to say.
  let reports: PollingReport[] = [];
  const send = (): void => {
    shared.sent(reports.length);
    port.postMessage(reports);
    reports = [];
  };
  const report = (one: PollingReport): void => {
    if (reports.push(one) === 1) setImmediate(send);
  };
  const log: Log = (level, message, fields) => report({ kind: "log", level, message, fields });
  logRuntimeWarnings(log);
  neverListen(log);
  if (client.faultyPackages !== undefined) surviveFaultsOf(client.faultyPackages, log);

  const beat = (): void => shared.beat(monotonicMs());
  beat();
  setInterval(beat, sharedBeatMs);
  const sourceOf = client.sources({ log, certificatesDirectory, namesFile: undefined });
  const isBehind = (): boolean => shared.outstanding > mostOutstanding;
  const pollsInFlight = new PollsInFlight(monotonicMs, intervalMs, headStartOf(intervalMs), isBehind);
  const context = {
    gridOf: (ownMs: number | undefined) => new Grid(gridStartMs, ownMs ?? intervalMs),
    clock: monotonicMs,
    pollsInFlight,
    log,
    changed: () => report({ kind: "changed" }),
  };
  const loops = new Map<number, ConnectionLoop>();
  let ticks = Promise.resolve();
  port.on("message", (message: Exclude<MessageToPolling, { kind: "start" }>) => {
    switch (message.kind) {
      case "read": {
        const { server, groups, packed } = message;
        const source = sourceOf(protocol.prepare(unpackServer(packed), intervalMs));
        const loop = new ConnectionLoop(source, new ReportedServer(server, groups, report), context);
        loops.set(server, loop);
        void loop.run().then(() => report({ kind: "ended", server }));
        giveBackMemorySoon();
        return;
      }
      case "stop":
        loops.get(message.server)?.stop();
        loops.delete(message.server);
        return;
      case "tick": {
        const { instantMs } = message;
        collectMessages();
        ticks = ticks.then(() => pollsInFlight.ofTick(instantMs)).then(() => report({ kind: "ticked", instantMs }));
      }
    }
  });
}
