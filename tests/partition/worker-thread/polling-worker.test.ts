// A polling thread with a real server, whose service's thread is played by the test.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { monotonicMs } from "../../../packages/process/src/schedule.ts";
import { packConfigurations } from "../../../packages/partition/src/commands/pack-configurations.ts";
import {
  sharedBytes,
  SharedWords,
  type MessageToPolling,
  type PollingReport,
} from "../../../packages/partition/src/worker-thread/polling-messages.ts";
import { replay } from "../../../packages/partition/src/worker-thread/recorded-poll.ts";
import { imageOf, seen, serverOf } from "../../image/sample-image.ts";
import { OpcUaRig } from "../../plant/opcua-rig.ts";
import { addSettable, subscribedNode, subscribedServer } from "../../plant/subscribed.ts";
import { until } from "../../until.ts";

let set: ((value: number) => void) | undefined;
const rig = new OpcUaRig({ policies: [], build: (server) => void (set = addSettable(server, "a")) });

test(
  "messages that were not taken when their server was told to stop come again with its next session",
  { timeout: 200_000 },
  async (t) => {
    set?.(1);
    const server = subscribedServer(rig.url, {
      timeoutMs: 30_000,
      subscription: { publishingIntervalMs: 5, quietCheckMs: 60_000 },
      nodes: [subscribedNode("a", { samplingIntervalMs: 0, queueSize: 1000 })],
    });
    const { opcua } = packConfigurations({ opcua: { servers: [server] } });
    const packed = opcua!.servers[0]!;
    const url = new URL("../../../packages/partition/src/worker-thread/polling-worker.ts", import.meta.url);
    const worker = new Worker(url, { argv: ["opcua"] });
    t.after(() => worker.terminate());
    await once(worker, "online");
    const shared = new SharedArrayBuffer(sharedBytes);
    const words = new SharedWords(shared);
    const send = (message: MessageToPolling): void => worker.postMessage(message);
    let reports: PollingReport[] = [];
    let taken = 0;
    worker.on("message", (some: readonly PollingReport[]) => reports.push(...some));
    const { blocks, reader } = imageOf(serverOf("a", 8));
    /** Of what is there, in its order. */
    const values = (): readonly unknown[] =>
      reports.flatMap((report) => {
        if (report.kind !== "published") return [];
        replay(report.poll, blocks[0]!);
        blocks[0]!.publish(report.connection, report.durationMs);
        return [seen(reader).reading(0).value];
      });
    const take = (): void => {
      words.done(reports.length);
      taken += reports.length;
      reports = [];
    };
    const shows = async (value: number): Promise<void> =>
      await until(`${value} comes`, () => values().at(-1) === value);
    const remembered = (): unknown =>
      reports.flatMap((one) => (one.kind === "found" && !one.isOfPoints ? [one.finding] : [])).at(-1);

    const order = { intervalMs: 50, gridStartMs: monotonicMs(), certificatesDirectory: rig.directory, shared };
    send({ kind: "start", order });
    send({ kind: "read", server: 0, groups: 1, packed, known: [] });
    await shows(1);
    take();
    for (const value of [2, 3]) {
      set?.(value);
      await shows(value);
    }
    send({ kind: "stop", server: 0, taken });
    await until("it has ended", () => reports.some(({ kind }) => kind === "ended"));
    const finding = remembered() as { readonly subscription: unknown };
    take();
    send({ kind: "read", server: 1, groups: 1, packed, known: [finding.subscription] });
    await shows(3);
    assert.deepEqual([...new Set(values())], [2, 3]);
  },
);
