// Groups of one device that are read at different intervals over one connection.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ModbusConnections } from "../../../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ModbusSource } from "../../../../packages/partition/src/protocols/modbus/modbus-source.ts";
import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import { monotonicMs } from "../../../../packages/process/src/schedule.ts";
import type { Log } from "../../../../packages/process/src/log.ts";
import { data, exception, response, scrambled, type DeviceRequest } from "../../../plant/modbus-device.ts";
import { point, RecordingSink, server } from "../../../plant/modbus-points.ts";
import { connected, device, cleanUps, running } from "../../../plant/modbus-rig.ts";

const fast = { intervalMs: 100 };
/** Two requests in each group: there is a hole between the points. */
const slow = [point(100), point(200)];
const both = [...slow, point(0, fast), point(50, fast)];

async function opened(changes: Parameters<typeof server>[2], points = both, log: Log = () => {}) {
  const plant = await device();
  const source = new ModbusSource(server(plant.port, points, changes), new ModbusConnections(), monotonicMs, log);
  const session = await source.connect(running);
  cleanUps.push(() => session.close());
  return { plant, source, session };
}

test("the poll of a fast group goes between two requests of a slow one's, the whole of it", async () => {
  const { plant, source, session } = await opened({ intervalMs: 5000 });
  assert.deepEqual(
    source.groups.map(({ points }) => points),
    [
      [2, 3],
      [0, 1],
    ],
  );
  const asked: DeviceRequest[] = [];
  const news: (() => void)[] = [];
  plant.behaviour = (request) => {
    asked.push(request);
    news.shift()?.();
    return undefined;
  };
  const sinks = [new RecordingSink(), new RecordingSink()] as const;
  const firstAsked = new Promise<void>((resolve) => news.push(resolve));
  const slowPoll = session.poll(1, sinks[1], running);
  await firstAsked;
  const fastPoll = session.poll(0, sinks[0], running);
  plant.behaviour = (request) => {
    asked.push(request);
    return response(request, data(request));
  };
  const [first] = asked;
  assert.ok(first);
  first.socket.write(response(first, data(first)));
  await Promise.all([slowPoll, fastPoll]);
  assert.deepEqual(
    asked.map(({ address }) => address),
    [100, 0, 50, 200],
  );
  assert.equal(sinks[0].value(0), scrambled(1, 3, 0));
  assert.equal(sinks[1].value(1), scrambled(1, 3, 200));
});

test("a group whose unit id is silent is bad, and does not end the connection on which another group is answered", async () => {
  const points = [point(0, fast), point(0, { unitId: 5 })];
  const { plant, session } = await opened({ intervalMs: 5000, timeoutMs: 400 }, points);
  plant.behaviour = (request) => (request.unitId === 5 ? undefined : response(request, data(request)));
  const sink = new RecordingSink();
  await session.poll(0, sink, running);
  await session.poll(1, sink, running);
  assert.equal(sink.statuses.get(0), StatusCode.BadTimeout);
  await session.poll(0, sink, running);
  assert.equal(sink.value(0), scrambled(1, 3, 0));
});

test("a connection on which no group is answered has failed", async () => {
  const { plant, session } = await opened({ intervalMs: 200, timeoutMs: 400 });
  for (const group of [0, 1]) await session.poll(group, new RecordingSink(), running);
  plant.behaviour = () => undefined;
  await assert.rejects(session.poll(0, new RecordingSink(), running), { code: "Timeout" });
});

test("a program that polls a client gets every group, each value at its own place", async () => {
  const plant = await connected(both, undefined, { intervalMs: 5000 });
  const sink = new RecordingSink();
  await plant.client.poll(sink, running);
  assert.deepEqual(
    [0, 1, 2, 3].map((place) => sink.value(place)),
    [100, 200, 0, 50].map((address) => scrambled(1, 3, address)),
  );
});

test("the keys in a message about refused points are those of the group that asked for them", async () => {
  const said: unknown[] = [];
  const log: Log = (_level, _message, fields) => said.push(fields?.["keys"]);
  const { plant, session } = await opened({ intervalMs: 5000 }, both, log);
  plant.behaviour = (request) => (request.address === 50 ? exception(request, 2) : response(request, data(request)));
  for (let polls = 0; polls < 4; polls++) await session.poll(0, new RecordingSink(), running);
  assert.deepEqual(said, [["Plant: 3/50"]]);
});
