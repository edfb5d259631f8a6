import assert from "node:assert/strict";
import { test } from "node:test";

import { ModbusConnections } from "../../../packages/partition/src/protocols/modbus/connection/modbus-connections.ts";
import { ModbusTcpClient } from "../../../packages/partition/src/library/modbus-tcp-client.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { ServerError } from "../../../packages/partition/src/sources/server-error.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { freePort } from "../../plant/free-port.ts";
import { point, RecordingSink, run, server } from "../../plant/modbus-points.ts";
import { cleanUps, connected, device, poll, refusing, rejected, running } from "../../plant/modbus-rig.ts";
import {
  data,
  exception,
  honest,
  response,
  scrambled,
  startDevice,
  type Behaviour,
} from "../../plant/modbus-device.ts";

test("a client describes its server as the contract says", () => {
  const text = point(0, { wireType: BuiltInType.String, width: 8, key: "Plant: name", description: "Name", unit: "" });
  const scaled = point(9, { scale: "0.1", key: "Plant: p", description: "Druck", unit: "bar" });
  const client = new ModbusTcpClient(
    server(502, [text, scaled], { intervalMs: 250, retryIntervalMs: 7000 }),
    new ModbusConnections(),
  );
  assert.equal(client.alias, "Plant");
  assert.deepEqual(client.connection, {
    key: "ModbusTCP Connections:Plant: Connection status",
    description: "Connection status to the Modbus server",
  });
  assert.deepEqual(client.points, [
    {
      key: "Plant: name",
      description: "Name",
      unit: "",
      source: "unit 1, holding registers 0 to 7",
      type: BuiltInType.String,
      capacityBytes: 16,
    },
    {
      key: "Plant: p",
      description: "Druck",
      unit: "bar",
      source: "unit 1, holding register 9",
      type: BuiltInType.Double,
      capacityBytes: 0,
    },
  ]);
  assert.equal(client.intervalMs, 250);
  assert.equal(client.retryIntervalMs, 7000);
});

test("1000 contiguous registers are read by 8 requests, each value from its own address", async () => {
  const plant = await connected(run(500, 1000));
  for (let round = 0; round < 3; round++) {
    const { sink, asked } = await poll(plant);
    assert.equal(asked.length, 8);
    for (let index = 0; index < 1000; index++) assert.equal(sink.value(index), scrambled(1, 3, 500 + index));
  }
});

function words(functionCode: number, unitId: number): number[] {
  return Array.from({ length: 11 }, (_, index) => scrambled(unitId, functionCode, 3 + index));
}

function flags(functionCode: number, unitId: number): boolean[] {
  return words(functionCode, unitId).map((word) => (word & 1) === 1);
}

test("the four functions answer with values, or with the device's exception", async () => {
  const { client, device: plant } = await connected([]);
  assert.deepEqual(await client.fc01ReadCoilStatus(3, 11), { kind: "data", values: flags(1, 1) });
  assert.deepEqual(await client.fc02ReadDiscreteInputs(3, 11, 9), { kind: "data", values: flags(2, 9) });
  assert.deepEqual(await client.fc03ReadHoldingRegisters(3, 11, 9), { kind: "data", values: words(3, 9) });
  assert.deepEqual(await client.fc04ReadInputRegisters(3, 11), { kind: "data", values: words(4, 1) });
  plant.behaviour = (request) => exception(request, 2);
  assert.deepEqual(await client.fc03ReadHoldingRegisters(3, 11), { kind: "exception", code: 2 });
  await assert.rejects(client.fc03ReadHoldingRegisters(0, 126), RangeError);
  await client.disconnect();
  await rejected(client.fc01ReadCoilStatus(0, 1), "ConnectionFailed");
});

test("every exception code gives its points a bad status and leaves the others and the connection alone", async () => {
  const plant = await connected([point(0), point(100)]);
  const expected: ReadonlyMap<number, number> = new Map<number, number>([
    [1, StatusCode.BadNotSupported],
    [2, StatusCode.BadOutOfRange],
    [3, StatusCode.BadInvalidArgument],
    [4, StatusCode.BadDeviceFailure],
    [5, StatusCode.BadWaitingForResponse],
    [6, StatusCode.BadServerTooBusy],
    [8, StatusCode.BadDeviceFailure],
    [10, StatusCode.BadNoCommunication],
    [11, StatusCode.BadTimeout],
  ]);
  for (let code = 0; code <= 255; code++) {
    plant.device.behaviour = (request) =>
      request.address === 100 ? exception(request, code) : response(request, data(request));
    const { sink } = await poll(plant);
    assert.equal(sink.status(1), expected.get(code) ?? StatusCode.BadUnexpectedError, `exception ${code}`);
    // 10 and 11 speak for the whole unit id.
    if (code !== 10 && code !== 11) assert.equal(sink.value(0), scrambled(1, 3, 0));
    // Whatever was learned or demoted is tried again: the next code meets a client that asks.
    plant.clock.nowMs += 600_000;
    plant.device.behaviour = honest();
    await poll(plant);
  }
  assert.equal(plant.device.connections, 1);
});

for (const [code, status] of [
  [1, StatusCode.BadNotSupported],
  [2, StatusCode.BadOutOfRange],
  [3, StatusCode.BadInvalidArgument],
  [4, StatusCode.BadDeviceFailure],
] as const) {
  test(`an illegal address inside a coalesced range (exception ${code}) costs its own point only, and rests after three polls`, async () => {
    const plant = await connected(
      run(0, 100),
      refusing((address) => address === 37, code),
    );
    const polls = [await poll(plant), await poll(plant), await poll(plant), await poll(plant)];
    assert.deepEqual(polls[1]?.asked, ["1/3: 0+37", "1/3: 38+62", "1/3: 37+1"]);
    assert.deepEqual(polls[3]?.asked, ["1/3: 0+37", "1/3: 38+62"]);
    for (const { sink } of polls) {
      for (let index = 0; index < 100; index++) {
        if (index === 37) assert.equal(sink.status(index), status);
        else assert.equal(sink.value(index), scrambled(1, 3, index));
      }
    }
  });
}

test("a device with a smaller limit than the standard's is read in shorter requests from the second poll on", async () => {
  const plant = await connected(run(0, 250), (request) =>
    request.quantity > 40 ? exception(request, 3) : response(request, data(request)),
  );
  for (let round = 0; round < 3; round++) {
    const { sink, asked } = await poll(plant);
    for (let index = 0; index < 250; index++) assert.equal(sink.value(index), scrambled(1, 3, index));
    if (round > 0) assert.ok(asked.every((request) => Number(request.split("+")[1]) <= 40) && asked.length <= 9);
  }
});

test("a gap that the device does not have is not bridged again", async () => {
  const points = [...run(0, 10), ...run(12, 10)];
  const plant = await connected(
    points,
    refusing((address) => address === 11),
    { maxGap: 5 },
  );
  assert.equal((await poll(plant)).asked[0], "1/3: 0+22");
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+10", "1/3: 12+10"]);
  for (const [index, { address }] of points.entries()) assert.equal(sink.value(index), scrambled(1, 3, address));
});

test("a refused address is tried again now and then, and read when the device has got it", async () => {
  const plant = await connected(
    run(0, 10),
    refusing((address) => address === 4 || address === 7),
    { retryIntervalMs: 30_000 },
  );
  for (let round = 0; round < 3; round++) await poll(plant);
  plant.clock.nowMs += 29_999;
  assert.equal((await poll(plant)).asked.length, 3);
  plant.clock.nowMs += 1;
  // One refused point a poll; the round is over after two, and the next one begins after twice the time.
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+4", "1/3: 5+2", "1/3: 8+2", "1/3: 4+1"]);
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+4", "1/3: 5+2", "1/3: 8+2", "1/3: 7+1"]);
  assert.equal((await poll(plant)).asked.length, 3);
  plant.device.behaviour = honest();
  plant.clock.nowMs += 59_999;
  assert.equal((await poll(plant)).asked.length, 3);
  plant.clock.nowMs += 1;
  assert.equal((await poll(plant)).sink.value(4), scrambled(1, 3, 4));
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+10"]);
  assert.equal(sink.value(7), scrambled(1, 3, 7));
});

test("what was refused is asked for again after a reconnect", async () => {
  const plant = await connected(
    run(0, 10),
    refusing((address) => address === 4),
  );
  await poll(plant);
  plant.device.behaviour = honest();
  await plant.client.disconnect();
  await plant.client.connect(running);
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+10"]);
  assert.equal(sink.value(4), scrambled(1, 3, 4));
});

for (const [why, code, status] of [
  ["refuses every point", 2, StatusCode.BadOutOfRange],
  ["has nobody behind its only unit id", 11, StatusCode.BadTimeout],
] as const) {
  test(`a device that ${why} stays connected, and its loss is noticed without a request`, async () => {
    const plant = await connected(run(0, 2), (request) => exception(request, code));
    for (let round = 0; round < 3; round++) await poll(plant);
    const { sink, asked } = await poll(plant);
    assert.deepEqual(asked, []);
    assert.equal(sink.status(0), status);
    await plant.device.close();
    cleanUps.shift();
    await assert.rejects(async () => {
      for (;;) {
        await poll(plant);
        await new Promise(setImmediate);
      }
    }, ServerError);
  });
}

test("a point that no allowed request can hold is bad, and never asked for", async () => {
  const plant = await connected([point(0), point(65_535, { wireType: BuiltInType.Float })]);
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+1"]);
  assert.equal(sink.value(0), scrambled(1, 3, 0));
  assert.equal(sink.status(1), StatusCode.BadOutOfRange);
});

const threeUnits = [1, 2, 3].flatMap((unitId) => run(0, 2, { unitId }));
const silentUnit2: Behaviour = (request) => (request.unitId === 2 ? undefined : response(request, data(request)));

function assertUnit2(sink: RecordingSink, status: number | undefined): void {
  for (const [index, { unitId, address }] of threeUnits.entries()) {
    if (unitId === 2 && status !== undefined) assert.equal(sink.status(index), status);
    else assert.equal(sink.value(index), scrambled(unitId, 3, address));
  }
}

test("a dead unit id costs its neighbours one time-out, then nothing until it is due, and comes back", async () => {
  const plant = await connected(threeUnits, honest(), { timeoutMs: 700, retryIntervalMs: 30_000 });
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+2", "2/3: 0+2", "3/3: 0+2"]);
  plant.device.behaviour = silentUnit2;
  // What was read before the time-out is old after it, and read again.
  const first = await poll(plant);
  assert.deepEqual(first.asked, ["1/3: 0+2", "2/3: 0+2", "1/3: 0+2", "3/3: 0+2"]);
  assertUnit2(first.sink, StatusCode.BadTimeout);
  for (let round = 0; round < 3; round++) {
    const { sink, asked } = await poll(plant);
    assert.deepEqual(asked, ["1/3: 0+2", "3/3: 0+2"]);
    assertUnit2(sink, StatusCode.BadTimeout);
  }
  plant.clock.nowMs += 30_000;
  // The one that is due first, so that the values of its neighbours are young when all are shown.
  const due = await poll(plant);
  assert.deepEqual(due.asked, ["2/3: 0+2", "1/3: 0+2", "3/3: 0+2"]);
  assertUnit2(due.sink, StatusCode.BadTimeout);
  plant.device.behaviour = honest();
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+2", "3/3: 0+2"]);
  plant.clock.nowMs += 30_000;
  assertUnit2((await poll(plant)).sink, undefined);
  const back = await poll(plant);
  assert.deepEqual(back.asked, ["1/3: 0+2", "2/3: 0+2", "3/3: 0+2"]);
  assertUnit2(back.sink, undefined);
  assert.equal(plant.device.connections, 1);
});

test("a unit id that never answered is found out before the one after it is asked", async () => {
  const plant = await connected(threeUnits, silentUnit2, { timeoutMs: 400 });
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+2", "2/3: 0+2", "1/3: 0+2"]);
  assert.equal(sink.value(0), scrambled(1, 3, 0));
  assert.equal(sink.status(4), StatusCode.BadWaitingForInitialData);
  const second = await poll(plant);
  assert.deepEqual(second.asked, ["3/3: 0+2", "1/3: 0+2"]);
  assertUnit2(second.sink, StatusCode.BadTimeout);
});

for (const [code, status] of [
  [10, StatusCode.BadNoCommunication],
  [11, StatusCode.BadTimeout],
] as const) {
  test(`a unit id that its gateway cannot reach (exception ${code}) is left alone for a while`, async () => {
    const plant = await connected(threeUnits, (request) =>
      request.unitId === 2 ? exception(request, code) : response(request, data(request)),
    );
    for (let round = 0; round < 3; round++) {
      const { sink, asked } = await poll(plant);
      assert.ok(asked.includes("2/3: 0+2"));
      assertUnit2(sink, status);
    }
    const { sink, asked } = await poll(plant);
    assert.deepEqual(asked, ["1/3: 0+2", "3/3: 0+2"]);
    assertUnit2(sink, status);
    plant.device.behaviour = honest();
    plant.clock.nowMs += 30_000;
    await poll(plant);
    assertUnit2((await poll(plant)).sink, undefined);
  });
}

function absentFrom(first: number): Behaviour {
  return (request) => (request.unitId >= first ? exception(request, 11) : response(request, data(request)));
}

test("of several dead unit ids one is tried a poll, the one that waits longest first", async () => {
  const points = [1, 2, 3, 4].map((unitId) => point(0, { unitId }));
  const plant = await connected(points, absentFrom(4));
  for (let round = 0; round < 3; round++) await poll(plant);
  plant.clock.nowMs += 10;
  plant.device.behaviour = absentFrom(2);
  for (let round = 0; round < 3; round++) await poll(plant);
  plant.clock.nowMs += 30_000;
  const tried: string[] = [];
  for (let round = 0; round < 4; round++) {
    plant.clock.nowMs += 1;
    tried.push((await poll(plant)).asked.slice(0, -1).join());
  }
  assert.deepEqual(tried, ["4/3: 0+1", "2/3: 0+1", "3/3: 0+1", ""]);
});

test("when nothing at all answers, the poll rejects, and after a reconnect everything is read again", async () => {
  const plant = await connected(threeUnits, honest(), { timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = () => undefined;
  await rejected(poll(plant), "Timeout");
  await plant.client.disconnect();
  plant.device.behaviour = honest();
  await plant.client.connect(running);
  assertUnit2((await poll(plant)).sink, undefined);
  assert.equal(plant.device.connections, 2);
});

const tenUnits = Array.from({ length: 10 }, (_, index) => point(0, { unitId: index + 1 }));

function without(dead: readonly number[]): Behaviour {
  return (request) => (dead.includes(request.unitId) ? undefined : response(request, data(request)));
}

/** One digit for each of the ten unit ids: whether its value is there. */
function there(sink: RecordingSink): string {
  return tenUnits
    .map(({ unitId }, index) => (sink.value(index) === scrambled(unitId, 3, 0) ? "1" : sink.status(index) ? "0" : "?"))
    .join("");
}

test("when all of many unit ids fall silent, the second time-out ends the poll and the connection", async () => {
  const plant = await connected(tenUnits, honest(), { timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = () => undefined;
  const before = plant.device.requests.length;
  await rejected(poll(plant), "Timeout");
  assert.equal(plant.device.requests.length - before, 2);
  await rejected(poll(plant), "Timeout");
  assert.equal(plant.device.requests.length - before, 2);
});

test("of unit ids that die together but not side by side, two are waited for in a poll, which then shows nothing", async () => {
  const plant = await connected(tenUnits, honest(), { timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = without([2, 4, 6, 8]);
  const polls = [await poll(plant), await poll(plant), await poll(plant)];
  assert.deepEqual(
    polls.map(({ sink }) => there(sink)),
    ["0000000000", "0000000000", "1010101011"],
  );
  assert.deepEqual(
    polls.map(({ asked }) => asked.map((request) => request.split("/")[0]).join(" ")),
    ["1 2 1 3 4", "1 3 5 6 1 3 5 7 8", "1 3 5 7 9 10"],
  );
  assert.equal(plant.device.connections, 1);
});

test("unit ids that die together side by side cost one reconnect, and are found out one in each poll", async () => {
  const plant = await connected(tenUnits, honest(), { timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = without([1, 2, 3, 6, 7, 8]);
  await rejected(poll(plant), "Timeout");
  await plant.client.connect(running);
  const seen: string[] = [];
  for (let round = 0; round < 5; round++) seen.push(there((await poll(plant)).sink));
  // The first poll has no older values to care for, and goes on until somebody answers.
  assert.deepEqual(seen, ["0001000000", "0001100000", "0001100000", "0001100000", "0001100011"]);
  plant.device.behaviour = honest();
  for (let round = 0; round < 6; round++) {
    plant.clock.nowMs += 30_000;
    await poll(plant);
  }
  assert.equal(there((await poll(plant)).sink), "1111111111");
  assert.equal(plant.device.connections, 2);
});

test("a dead unit id that is due does not lengthen the wait for those that fall silent", async () => {
  const plant = await connected(threeUnits, without([3]), { timeoutMs: 400, retryIntervalMs: 30_000 });
  await poll(plant);
  plant.clock.nowMs += 30_000;
  plant.device.behaviour = () => undefined;
  const before = plant.device.requests.length;
  await rejected(poll(plant), "Timeout");
  assert.deepEqual(
    plant.device.requests.slice(before).map(({ unitId }) => unitId),
    [3, 1],
  );
});

test("a dead unit id that is due and one that dies make the poll too long, and the next one is good", async () => {
  const plant = await connected(threeUnits, without([3]), { timeoutMs: 400, retryIntervalMs: 30_000 });
  await poll(plant);
  plant.clock.nowMs += 30_000;
  plant.device.behaviour = without([2, 3]);
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["3/3: 0+2", "1/3: 0+2", "2/3: 0+2"]);
  assert.equal(sink.status(0), StatusCode.BadWaitingForInitialData);
  const next = await poll(plant);
  assert.deepEqual(next.asked, ["1/3: 0+2"]);
  assert.equal(next.sink.value(0), scrambled(1, 3, 0));
});

test("a unit id that falls silent between two of its own responses has cost a time-out, too", async () => {
  const points = [1, 2, 3].flatMap((unitId) => [point(0, { unitId }), point(0, { unitId, functionCode: 4 })]);
  const plant = await connected(points, honest(), { timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = (request) => (request.functionCode === 4 ? undefined : response(request, data(request)));
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+1", "1/4: 0+1", "2/3: 0+1", "2/4: 0+1"]);
  for (let index = 0; index < points.length; index++) {
    assert.equal(sink.status(index), index < 4 ? StatusCode.BadTimeout : StatusCode.BadWaitingForInitialData);
  }
});

test("of servers that share a gateway, those with a dead unit id are waited for one at a time", async () => {
  const gateway = await device(without([1, 2, 3]));
  const connections = new ModbusConnections();
  const clients = tenUnits.slice(0, 4).map(({ unitId }) => {
    const settings = server(gateway.port, [point(0, { unitId }), point(0, { unitId, functionCode: 4 })], {
      timeoutMs: 400,
    });
    return new ModbusTcpClient(settings, connections);
  });
  cleanUps.push(() => Promise.all(clients.map((client) => client.disconnect())));
  await Promise.all(clients.map((client) => client.connect(running)));
  for (let round = 0; round < 2; round++) {
    const before = gateway.requests.length;
    const polls = clients.map((client) => client.poll(new RecordingSink(), running));
    await Promise.allSettled(polls);
    const order = gateway.requests.slice(before).map(({ unitId }) => unitId);
    // In the second round it is known who is silent; both requests of the living one go before all others.
    // In the first, nobody has answered yet when the silent ones time out, so each of them is asked twice.
    assert.deepEqual(order, round === 0 ? [1, 2, 3, 4, 4, 1, 2, 3] : [4, 4, 1, 2, 3]);
    await polls[3];
  }
});

test("a device that accepts and never answers, or accepts and hangs up, is an error and no value", async () => {
  const silent = await connected(run(0, 3), () => undefined, { timeoutMs: 400 });
  await rejected(poll(silent), "Timeout");
  const plant = await connected(run(0, 3));
  plant.device.onConnection = (socket) => socket.end();
  for (let round = 0; round < 20; round++) {
    await plant.client.connect(running);
    await rejected(poll(plant), "ConnectionFailed");
    await plant.client.disconnect();
  }
  plant.device.onConnection = () => undefined;
  await plant.client.connect(running);
  assert.equal((await poll(plant)).sink.value(0), scrambled(1, 3, 0));
});

test("two servers at one place share one connection, and the dead one does not end it for the other", async () => {
  const gateway = await device((request) => (request.unitId === 2 ? undefined : response(request, data(request))));
  const connections = new ModbusConnections();
  const changes = { timeoutMs: 400 };
  const dead = new ModbusTcpClient(server(gateway.port, [point(0, { unitId: 2 })], changes), connections);
  const alive = new ModbusTcpClient(server(gateway.port, [point(0)], { ...changes, timeoutMs: 5000 }), connections);
  cleanUps.push(() => Promise.all([dead.disconnect(), alive.disconnect()]));
  await Promise.all([dead.connect(running), alive.connect(running)]);
  for (let round = 0; round < 3; round++) {
    const sink = new RecordingSink();
    await Promise.all([rejected(dead.poll(new RecordingSink(), running), "Timeout"), alive.poll(sink, running)]);
    assert.equal(sink.value(0), scrambled(1, 3, 0));
    await dead.disconnect();
    await dead.connect(running);
  }
  assert.equal(gateway.connections, 1);
});

test("an abort ends connecting and polling at once with Stopped", async () => {
  const plant = await connected(run(0, 3), () => undefined, { timeoutMs: 60_000 });
  const stop = new AbortController();
  const polling = plant.client.poll(new RecordingSink(), stop.signal);
  while (plant.device.requests.length === 0) await new Promise(setImmediate);
  stop.abort();
  await rejected(polling, "Stopped");
  await rejected(plant.client.poll(new RecordingSink(), stop.signal), "Stopped");
  await rejected(plant.client.connect(stop.signal), "Stopped");
  // While the socket is connecting: no event of it can come before the next turn of the event loop.
  const fresh = new ModbusTcpClient(server(plant.device.port, []), new ModbusConnections());
  const later = new AbortController();
  const connecting = fresh.connect(later.signal);
  await new Promise<void>((resolve) => process.nextTick(resolve));
  later.abort();
  await rejected(connecting, "Stopped");
  await rejected(fresh.poll(new RecordingSink(), running), "ConnectionFailed");
});

test("nothing listens: connecting is ConnectionFailed, and retryConnection goes on until something does", async () => {
  const port = await freePort();
  const client = new ModbusTcpClient(server(port, [point(0)], { retryIntervalMs: 20 }), new ModbusConnections());
  cleanUps.push(() => client.disconnect());
  await rejected(client.connect(running), "ConnectionFailed");
  const retrying = client.retryConnection(running);
  const late = await startDevice(honest(), port);
  cleanUps.push(() => late.close());
  await retrying;
  assert.equal((await poll({ client, device: late })).sink.value(0), scrambled(1, 3, 0));
  await client.disconnect();
  const stop = new AbortController();
  await late.close();
  cleanUps.splice(1, 1);
  const stopped = client.retryConnection(stop.signal);
  stop.abort();
  await rejected(stopped, "Stopped");
});

test("disconnecting is harmless without a connection, and closes the one there is", async () => {
  const plant = await connected(run(0, 3));
  await plant.client.disconnect();
  await plant.client.disconnect();
  await rejected(plant.client.poll(new RecordingSink(), running), "ConnectionFailed");
  while (plant.device.openSockets() > 0) await new Promise(setImmediate);
});
