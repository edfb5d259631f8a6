// What breaks between a bridge and a stream, in forms as long as wished. Every change of the plant has a number, so nothing is judged by samples.

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { TcpProxy } from "../../plant/tcp-proxy.ts";
import { until } from "../../until.ts";
import { startNats } from "../engines/nats-server.ts";
import { StreamReader } from "../outputs/jetstream/stream-reader.ts";
import { BridgeProcess } from "./bridge-process.ts";
import { ChangingPlant, type Pace } from "./changing-plant.ts";
import { StreamJudge } from "./stream-judge.ts";

const slow: Pace = { points: 20, changesPerSecond: 2000 };

async function scene(t: TestContext, pace: Pace, through?: (port: number) => Promise<number>, settings = {}) {
  const server = await startNats(t);
  const port = (await through?.(server.port)) ?? server.port;
  const plant = new ChangingPlant(t, pace);
  const output = { type: "jetstream", address: `nats://127.0.0.1:${port}`, timeout: "1s", batch: "20ms", ...settings };
  const bridge = new BridgeProcess(t, plant.prefix, output);
  bridge.start();
  const reader = await StreamReader.open(t, server.port);
  const judge = new StreamJudge();
  let first = -1;
  const look = async (): Promise<void> => judge.take(await reader.next());
  const evidence = (): string => bridge.printed;
  await until("the stream is there", async () => await reader.exists(), { evidence, isHopeless: () => bridge.isOver });
  plant.start();
  await until("changes arrive", async () => (await look(), judge.lags.length > 0), { evidence });
  // What came before the first birth is not the bridge's.
  first = plant.written;
  const finish = async () => {
    await plant.stop();
    const { written } = plant;
    let missing: readonly number[] = [];
    let progressMs = performance.now();
    const isWhole = async (): Promise<boolean> => {
      const before = missing.length;
      await look();
      missing = judge.missing(first, written);
      if (missing.length !== before) progressMs = performance.now();
      return missing.length === 0;
    };
    await until("every change is there", isWhole, {
      evidence: () => `missing ${missing.length}: ${missing.slice(0, 5).join()}\n${bridge.printed}`,
      // A long queue takes as long as it takes.
      isHopeless: () => performance.now() - progressMs > 60_000,
      giveUpAfterMs: 3_600_000,
      lookAgainMs: 200,
    });
    assert.equal(judge.unmarkedRepeats, 0, "every repeat is marked");
    return { changes: written - first, judge };
  };
  return { server, plant, bridge, reader, judge, look, finish };
}

/**
 * Power off at random moments, with the broker's disk kept. The bridge waits longer after each loss, up to 30 s: who has no patience meets it
 * at an attempt to connect most times.
 */
export async function brokerKilled(
  t: TestContext,
  times: number,
  patienceMs = 2000,
  pace = slow,
  settings = {},
): Promise<void> {
  const { server, finish, look, judge } = await scene(t, pace, undefined, settings);
  let atWork = 0;
  for (let kill = 0; kill < times; kill++) {
    await look();
    const seen = judge.lags.length + judge.historical;
    const isAtWork = (): boolean => judge.lags.length + judge.historical > seen;
    for (const endMs = performance.now() + patienceMs; !isAtWork() && performance.now() < endMs; await look())
      await pause(20);
    if (isAtWork()) atWork++;
    await pause(Math.random() * 300);
    await server.kill();
    await pause(Math.random() * 100);
    await server.start();
  }
  const { changes } = await finish();
  t.diagnostic(
    `broker killed ${times} times, ${atWork} of them at work: ${changes} changes, 0 lost, ${judge.repeated} twice, ${judge.historical} as history`,
  );
}

export async function bridgeKilled(t: TestContext, times: number): Promise<void> {
  const { bridge, finish, judge, look } = await scene(t, slow);
  for (let kill = 0; kill < times; kill++) {
    const seen = judge.lags.length + judge.historical;
    await until("it works again", async () => (await look(), judge.lags.length + judge.historical > seen), {
      evidence: () => bridge.printed,
    });
    await pause(Math.random() * 200);
    await bridge.end("SIGKILL");
    bridge.start();
  }
  const { changes } = await finish();
  t.diagnostic(
    `bridge killed ${times} times: ${changes} changes, 0 lost, ${judge.repeated} twice, ${judge.historical} as history`,
  );
}

/** The network forwards nothing any more and says nothing. */
export async function halfOpen(t: TestContext, times: number): Promise<void> {
  let proxy: TcpProxy | undefined;
  const { finish } = await scene(t, slow, async (port) => {
    proxy = await TcpProxy.start(port);
    return proxy.port;
  });
  assert.ok(proxy !== undefined);
  const opened = proxy;
  t.after(async () => await opened.close());
  for (let turn = 0; turn < times; turn++) {
    const before = opened.connections;
    opened.faults.drop = new Set(turn % 2 === 0 ? ["to client", "to server"] : ["to client"]);
    await until("the bridge gives the connection up and tries another", () => opened.connections > before);
    opened.mend();
    opened.cut("reset");
    await pause(500);
  }
  const { changes, judge } = await finish();
  t.diagnostic(
    `half-open ${times} times: ${changes} changes, 0 lost, ${judge.repeated} twice, ${judge.historical} as history`,
  );
}

/** A broker that is away, while much changes. What waits on disk must not delay what is live when it is back. */
export async function outage(t: TestContext, awayMs: number, pace: Pace, historyRate = 20_000): Promise<void> {
  const { server, plant, bridge, finish, judge, look } = await scene(t, pace, undefined, {
    layout: "server",
    queue: { size: "8G", historyRate },
  });
  const normal = await lagsOf(judge, look, 5000);
  await server.kill();
  const atKill = plant.written;
  await pause(awayMs);
  const waitingBytes = bridge.queueBytes;
  const waitingChanges = plant.written - atKill;
  // What came as history before is not of this outage.
  judge.historyMs = undefined;
  judge.historical = 0;
  await server.start();
  await until("history comes", async () => (await look(), judge.historical > 0), { evidence: () => bridge.printed });
  const beforeDrain = judge.lags.length;
  const isDrained = async (): Promise<boolean> => (await look(), judge.historical >= waitingChanges);
  await until("what waited is there", isDrained, { giveUpAfterMs: 3_600_000, lookAgainMs: 1000 });
  const during = quantilesOf(judge.lags.slice(beforeDrain));
  const { changes } = await finish();
  const { first = 0, last = 0 } = judge.historyMs ?? {};
  const drainS = (last - first) / 1000;
  t.diagnostic(
    [
      `${changes} changes, 0 lost, ${judge.repeated} twice`,
      `away ${awayMs / 1000} s at ${pace.changesPerSecond}/s: ${waitingChanges} changes in ${(waitingBytes / 2 ** 20).toFixed(1)} MiB`,
      `drained in ${drainS.toFixed(1)} s (${Math.round(judge.historical / drainS)} changes/s)`,
      `live lag: p50 ${normal.p50} ms, p99 ${normal.p99} ms before; p50 ${during.p50} ms, p99 ${during.p99} ms during the drain`,
    ].join("; "),
  );
  assert.ok(during.p50 < 2 * Math.max(normal.p50, 25), `live lag ${during.p50} ms beside ${normal.p50} ms`);
}

async function lagsOf(judge: StreamJudge, look: () => Promise<void>, forMs: number) {
  await look();
  const first = judge.lags.length;
  await pause(forMs);
  await look();
  return quantilesOf(judge.lags.slice(first));
}

function quantilesOf(unsorted: readonly number[]) {
  const lags = Float64Array.from(unsorted).sort();
  const at = (share: number): number => lags[Math.floor(share * (lags.length - 1))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}
