// Entry of a polling thread, whose argument is the name of its protocol: it reads servers and reports everything to the thread of its service. It maps
// no image and knows of no other servers than its own. That the kernel keeps it from listening it has from the service's thread, which starts it.

import { once } from "node:events";
import { parentPort, type MessagePort } from "node:worker_threads";
import { Grids, monotonicMs } from "@cpc-partition/process/schedule";
import type { Log } from "@cpc-partition/process/log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import { unpackServer } from "../configuration/packed-configuration.ts";
import type { ProtocolClient } from "../protocols/protocol.ts";
import { protocolNamed } from "../protocols/registry.ts";
import { tidyUp, giveBackMemorySoon } from "../small-process.ts";
import { headStartOf } from "../sources/acquisition.ts";
import { ConnectionLoop } from "../sources/connection-loop.ts";
import { PollsInFlight } from "../sources/polls-in-flight.ts";
import { surviveFaultsOf } from "./library-faults.ts";
import { sharedBeatMs, SharedWords, type MessageToPolling, type PollingReport } from "./polling-messages.ts";
import { ReportedServer, type ReportLine } from "./reported-server.ts";

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
  let sent = 0;
  const send = (): void => {
    sent += reports.length;
    shared.sent(reports.length);
    port.postMessage(reports);
    reports = [];
  };
  const report = (one: PollingReport): number => {
    if (reports.push(one) === 1) setImmediate(send);
    return sent + reports.length;
  };
  const line: ReportLine = {
    report,
    get taken() {
      return sent - shared.outstanding;
    },
  };
  const log: Log = (level, message, fields) => void report({ kind: "log", level, message, fields });
  logRuntimeWarnings(log);
  if (client.faultyPackages !== undefined) surviveFaultsOf(client.faultyPackages, log);

  const beat = (): void => shared.beat(monotonicMs());
  beat();
  setInterval(beat, sharedBeatMs);
  const sourceOf = client.sources({ log, certificatesDirectory, namesFile: undefined });
  const isBehind = (): boolean => shared.outstanding > mostOutstanding;
  const pollsInFlight = new PollsInFlight(monotonicMs, intervalMs, headStartOf(intervalMs), isBehind);
  const grids = new Grids(gridStartMs, intervalMs);
  const context = {
    gridOf: (ownMs: number | undefined) => grids.of(ownMs),
    clock: monotonicMs,
    pollsInFlight,
    log,
    // The service's thread shows nothing of a server before its points are known.
    changed: async () => void report({ kind: "changed" }),
  };
  const served = new Map<number, { readonly loop: ConnectionLoop; readonly sink: ReportedServer }>();
  let ticks = Promise.resolve();
  port.on("message", (message: Exclude<MessageToPolling, { kind: "start" }>) => {
    switch (message.kind) {
      case "read": {
        const { server, groups, packed, known } = message;
        const source = sourceOf(protocol.prepare(unpackServer(packed), intervalMs));
        source.reportFindings?.(known, (finding, isOfPoints) => report({ kind: "found", server, finding, isOfPoints }));
        const sink = new ReportedServer(server, groups, line);
        const loop = new ConnectionLoop(source, sink, context);
        served.set(server, { loop, sink });
        void loop.run().then(() => report({ kind: "ended", server }));
        giveBackMemorySoon();
        return;
      }
      case "stop":
        served.get(message.server)?.sink.stopped(message.taken);
        served.get(message.server)?.loop.stop();
        served.delete(message.server);
        return;
      case "read again":
        served.get(message.server)?.loop.readAgain(message.group);
        return;
      case "tick": {
        const { instantMs } = message;
        ticks = ticks
          .then(() => pollsInFlight.ofTick(instantMs))
          .then(() => report({ kind: "ticked", instantMs }))
          .then(tidyUp);
      }
    }
  });
}
