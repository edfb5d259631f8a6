// A gateway's own server (leaf) is cut from the hub of the site for a while. The bridge publishes to the leaf all the time; a stream of the hub
// has the leaf's stream as its source. How long after the cut has the hub everything?

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { TcpProxy } from "../../plant/tcp-proxy.ts";
import { until } from "../../until.ts";
import { startHubAndLeaf } from "../engines/nats-server.ts";
import { changesOf, contextOf, jetStreamOutput } from "../outputs/jetstream/jetstream-rig.ts";
import { StreamReader } from "../outputs/jetstream/stream-reader.ts";

export interface LeafCut {
  readonly cutMs: number;
  readonly changesPerSecond: number;
}

const batchMs = 100;

export async function cutLeaf(t: TestContext, { cutMs, changesPerSecond }: LeafCut): Promise<void> {
  let proxy: TcpProxy | undefined;
  const { hub, leaf } = await startHubAndLeaf(t, async (port) => {
    proxy = await TcpProxy.start(port);
    return proxy.port;
  });
  assert.ok(proxy !== undefined);
  t.after(async () => await proxy?.close());
  const session = await jetStreamOutput({ address: `nats://127.0.0.1:${leaf.port}` }).connect(contextOf());
  t.after(async () => await session.end());
  const site = await StreamReader.open(t, hub.port, "SITE");
  await site.manager.streams.add({
    name: "SITE",
    allow_direct: true,
    sources: [{ name: "CPC", external: { api: "$JS.leaf.API", deliver: "" } }],
  });

  let published = 0;
  const publish = async (): Promise<void> => {
    const count = (changesPerSecond * batchMs) / 1000;
    await session.publish({ kind: "live", isRepeat: false, changes: changesOf(count, published) });
    published += count;
    await pause(batchMs);
  };
  const stored = async (): Promise<number> => (await site.manager.streams.info("SITE")).state.messages;
  while ((await stored()) === 0) await publish();

  // No end of the connection is seen on either side; attempts of later get no answer.
  proxy.faults.drop = new Set(["to client", "to server"]);
  const cutUntilMs = performance.now() + cutMs;
  while (performance.now() < cutUntilMs) await publish();
  const behind = published - (await stored());
  assert.ok(behind > 0, "the cut cut");

  // Bytes were dropped: the connections of before are of no use.
  proxy.cut("reset");
  proxy.mend();
  const healedMs = performance.now();
  const over = new AbortController();
  const going = (async () => {
    while (!over.signal.aborted) await publish();
  })();
  const wanted = published;
  await until("the hub has what was published until the end of the cut", async () => (await stored()) >= wanted, {
    giveUpAfterMs: 300_000,
    lookAgainMs: 50,
  });
  const caughtUpMs = performance.now() - healedMs;
  over.abort();
  await going;
  await until("the hub has everything", async () => (await stored()) === published, { giveUpAfterMs: 300_000 });
  const values = (await site.next()).map(({ json }) => (json as { value: number }).value);
  assert.deepEqual(
    values,
    Array.from({ length: published }, (_, index) => index),
    "each change once, in order",
  );
  t.diagnostic(
    `cut for ${cutMs / 1000} s at ${changesPerSecond} changes/s: ${behind} behind, caught up ${(caughtUpMs / 1000).toFixed(1)} s after the cut`,
  );
}
