// Devices that close their connection while nothing is outstanding: idle gateways, and those that answer one request per connection.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { StatusCode } from "../../../../packages/image/src/values/status-code.ts";
import { point, run } from "../../../plant/modbus-points.ts";
import { connected, poll, refusing, rejected, type Plant } from "../../../plant/modbus-rig.ts";
import { data, honest, response, scrambled, type Behaviour } from "../../../plant/modbus-device.ts";

/** What is broken here would open connections for ever. */
const bounded = { timeout: 200_000 };

const points = [...run(0, 3), ...run(0, 3, { functionCode: 4 }), ...run(0, 2, { unitId: 9 })];

async function allGood(plant: Plant, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const { sink } = await poll(plant);
    for (const [index, { unitId, functionCode, address }] of points.entries()) {
      assert.equal(sink.value(index), scrambled(unitId, functionCode, address));
    }
  }
}

/** The client has seen it. */
async function closed(plant: Plant, how: "end" | "resetAndDestroy"): Promise<void> {
  const { socket } = plant.device.requests.at(-1) ?? assert.fail();
  const isClosed = once(socket, "close");
  socket[how]();
  await isClosed;
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

for (const how of ["end", "resetAndDestroy"] as const) {
  test(
    `a gateway that closes an idle connection (${how}) is read on the next one in the same poll, and the log says it once`,
    bounded,
    async () => {
      const plant = await connected(points);
      await allGood(plant, 1);
      for (let round = 0; round < 5; round++) {
        await closed(plant, how);
        await allGood(plant, 1);
      }
      assert.equal(plant.device.connections, 6);
      assert.equal(plant.logged.length, 1);
      assert.match(plant.logged[0] ?? "", /^info the device closes the connection between two requests/);
    },
  );
}

test("what was learned of a device outlives a connection that it closed", bounded, async () => {
  const plant = await connected(
    run(0, 10),
    refusing((address) => address === 4),
  );
  for (let round = 0; round < 4; round++) await poll(plant);
  await closed(plant, "end");
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+4", "1/3: 5+5"]);
  assert.equal(sink.status(4), StatusCode.BadOutOfRange);
});

const onePerConnection: Behaviour = (request) => {
  request.socket.end(response(request, data(request)));
  return undefined;
};

const oneThenReset: Behaviour = (request) => {
  request.socket.write(response(request, data(request)), () => request.socket.resetAndDestroy());
  return undefined;
};

test("a device that answers one request per connection is read whole, without being told so", bounded, async () => {
  const plant = await connected(points, onePerConnection);
  await allGood(plant, 10);
  assert.equal(plant.logged.filter((line) => !line.startsWith("info")).length, 0);
});

test("the same where it resets the connection after its answer", bounded, async () => {
  const plant = await connected(points, oneThenReset);
  await allGood(plant, 10);
});

test("with a connection for each request it is asked once for each, and nothing is told", bounded, async () => {
  const plant = await connected(points, onePerConnection, { connectsPerRequest: true });
  await allGood(plant, 10);
  assert.equal(plant.device.requests.length, 30);
  assert.equal(plant.device.connections, 30);
  assert.deepEqual(plant.logged, []);
  assert.equal(new Set(plant.device.requests.map(({ connection }) => connection)).size, 30);
});

test("a connection for each request, and a device that does not close: we do", bounded, async () => {
  const plant = await connected(points, honest(), { connectsPerRequest: true });
  await allGood(plant, 3);
  assert.equal(plant.device.connections, 9);
  while (plant.device.openSockets() > 0) await new Promise(setImmediate);
});

test("a connection for each request, and a device that falls silent: a time-out ends it", bounded, async () => {
  const plant = await connected([point(0)], honest(), { connectsPerRequest: true, timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = () => undefined;
  await rejected(poll(plant), "Timeout");
});

test("a connection for each request, and a device that never answers: tried no longer than any", bounded, async () => {
  const plant = await connected([point(0)], () => undefined, { connectsPerRequest: true, timeoutMs: 400 });
  await rejected(poll(plant), "Timeout");
  assert.equal(plant.device.requests.length, 3);
});

test("a request at which the device closes every time is a loss, not a loop", bounded, async () => {
  const plant = await connected([point(0), point(0, { functionCode: 4 })]);
  await poll(plant);
  plant.device.behaviour = (request) => {
    if (request.functionCode === 3) return response(request, data(request));
    request.socket.end();
    return undefined;
  };
  const before = plant.device.connections;
  await rejected(poll(plant), "ConnectionFailed");
  assert.equal(plant.device.connections, before + 1);
});

test("a device that closes an idle connection and is gone is a loss at the next poll", bounded, async () => {
  const plant = await connected([point(0)]);
  await poll(plant);
  plant.device.onConnection = (socket) => socket.resetAndDestroy();
  await closed(plant, "end");
  await rejected(poll(plant), "ConnectionFailed");
});

test("half an answer before the end is a violation, not a reason to ask again", bounded, async () => {
  const plant = await connected([point(0)]);
  await poll(plant);
  plant.device.behaviour = (request) => {
    request.socket.end(response(request, data(request)).subarray(0, 7));
    return undefined;
  };
  await rejected(poll(plant), "ProtocolViolation");
  assert.equal(plant.device.connections, 1);
});
