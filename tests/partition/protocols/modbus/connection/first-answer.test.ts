import assert from "node:assert/strict";
import { test } from "node:test";

import { FirstAnswer } from "../../../../../packages/partition/src/protocols/modbus/connection/first-answer.ts";
import { point } from "../../../../plant/modbus-points.ts";
import { connected, poll, rejected, running } from "../../../../plant/modbus-rig.ts";
import { honest, scrambled, type Behaviour } from "../../../../plant/modbus-device.ts";

/** Time-outs after which each of several connections is given up. */
function grants(timeoutMs: number, connections: number): number[] {
  const patience = new FirstAnswer();
  return Array.from({ length: connections }, () => {
    let timeouts = 1;
    while (patience.mayStillCome(timeouts, timeouts * timeoutMs)) timeouts++;
    patience.didNotCome(timeouts * timeoutMs);
    return timeouts;
  });
}

test("the first connection has three time-outs, each later one twice as long, up to ten seconds", () => {
  assert.deepEqual(grants(500, 6), [3, 6, 12, 20, 20, 20]);
});

test("a time-out longer than that has its three all the same", () => {
  assert.deepEqual(grants(60_000, 3), [3, 3, 3]);
});

/** Loses what comes first on each connection. */
function deaf(requests: number): Behaviour {
  const heard = new Map<number, number>();
  return (request) => {
    const count = (heard.get(request.connection) ?? 0) + 1;
    heard.set(request.connection, count);
    return count <= requests ? undefined : honest()(request);
  };
}

test("a device that is deaf after a connect is read on the same connection", async () => {
  const plant = await connected([point(0)], deaf(2), { timeoutMs: 400 });
  const { sink } = await poll(plant);
  assert.equal(sink.value(0), scrambled(1, 3, 0));
  assert.equal(plant.device.connections, 1);
});

test("one that is deaf for longer is read on a later connection, which waits longer", async () => {
  const plant = await connected([point(0)], deaf(4), { timeoutMs: 400 });
  await rejected(poll(plant), "Timeout");
  await plant.client.connect(running);
  const { sink } = await poll(plant);
  assert.equal(sink.value(0), scrambled(1, 3, 0));
  assert.equal(plant.device.connections, 2);
});

test("with a pause after the connect it is not asked before, and loses nothing", async () => {
  let openedMs = 0;
  const early: number[] = [];
  const plant = await connected(
    [point(0)],
    (request) => {
      if (early.length === 0) early.push(performance.now() - openedMs);
      return honest()(request);
    },
    { pauseAfterConnectMs: 300 },
  );
  plant.device.onConnection = () => (openedMs = performance.now());
  await plant.client.connect(running);
  for (let round = 0; round < 2; round++) {
    const { sink, asked } = await poll(plant);
    assert.equal(sink.value(0), scrambled(1, 3, 0));
    assert.deepEqual(asked, ["1/3: 0+1"]);
  }
  // The device may notice the connection a little after us.
  assert.ok((early[0] ?? 0) >= 100, `asked after ${early[0]} ms`);
});
