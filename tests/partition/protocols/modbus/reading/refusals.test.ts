// Devices that refuse: now and then, for a hole, for a length, for good. The right values over time, and what the log says of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { point, run, type RecordingSink } from "../../../../plant/modbus-points.ts";
import { connected, poll, refusing, type Plant } from "../../../../plant/modbus-rig.ts";
import { data, exception, honest, response, scrambled, type Behaviour } from "../../../../plant/modbus-device.ts";

const sixty = run(0, 60);

function bad(sink: RecordingSink, count: number): number[] {
  return Array.from({ length: count }, (_, index) => index).filter(
    (index) => sink.value(index) !== scrambled(1, 3, index),
  );
}

/** Polls that far apart; the bad points of each. */
async function polls(plant: Plant, count: number, points = 60, apartMs = 1000): Promise<number[][]> {
  const seen: number[][] = [];
  for (let round = 0; round < count; round++) {
    plant.clock.nowMs += apartMs;
    seen.push(bad((await poll(plant)).sink, points));
  }
  return seen;
}

/** Refuses the requests whose numbers are given, counted from 0. */
function sporadic(isRefused: (number: number) => boolean, code = 2): Behaviour {
  let number = 0;
  return (request) => (isRefused(number++) ? exception(request, code) : response(request, data(request)));
}

for (const code of [1, 2, 3, 4]) {
  test(`four single refusals (exception ${code}) change neither values nor requests`, async () => {
    const plant = await connected(
      sixty,
      sporadic((number) => [3, 7, 12, 20].includes(number), code),
    );
    assert.deepEqual((await polls(plant, 30)).flat(), []);
    assert.deepEqual((await poll(plant)).asked, ["1/3: 0+60"]);
    assert.deepEqual(plant.logged, []);
  });
}

test("a request that is refused once is sent once more, and one that is refused twice is not taken for too long", async () => {
  const plant = await connected(
    sixty,
    sporadic((number) => number === 0),
  );
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+60", "1/3: 0+60"]);
  plant.device.behaviour = sporadic((number) => number < 2);
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+60", "1/3: 0+60", "1/3: 0+30", "1/3: 30+30", "1/3: 0+60"]);
  assert.deepEqual(bad(sink, 60), []);
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+60"]);
});

test("one refusal in 15 requests leaves every value good for ten minutes, and requests whole", async () => {
  const plant = await connected(
    sixty,
    sporadic((number) => number % 15 === 14),
  );
  assert.deepEqual((await polls(plant, 600)).flat(), []);
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+60"]);
  assert.equal(plant.client.requestLimit, undefined);
});

test("a device that refuses everything for one poll is good again in the next, with the same request", async () => {
  const plant = await connected(sixty);
  await poll(plant);
  plant.device.behaviour = refusing(() => true);
  assert.equal(bad((await poll(plant)).sink, 60).length, 60);
  plant.device.behaviour = honest();
  const seen = await polls(plant, 3);
  assert.deepEqual(seen[2], []);
  // What was found refused is asked for alone, and taken back as it is answered.
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+60"]);
});

function limited(most: number, code: number): Behaviour {
  return (request) => (request.quantity > most ? exception(request, code) : response(request, data(request)));
}

for (const code of [3, 4]) {
  test(`requests that are too long (exception ${code}) are shortened for as long as that lasts, and it is shown`, async () => {
    const plant = await connected(run(0, 250), limited(40, code), { retryIntervalMs: 30_000 });
    assert.deepEqual((await polls(plant, 3, 250)).flat(), []);
    assert.equal(plant.client.requestLimit, 31);
    assert.equal(plant.logged.length, 1);
    assert.match(
      plant.logged[0] ?? "",
      /^warn .*request limit of 31 holding registers of unit 1 at once.*<maxRegistersPerRequest> 31/,
    );
    // Tried again after 30 s, 60 s, 120 s ... up to 10 minutes: one request each time.
    const long = (): number => plant.device.requests.filter(({ quantity }) => quantity > 40).length;
    const before = long();
    assert.deepEqual((await polls(plant, 25, 250)).flat(), []);
    assert.equal(long(), before);
    assert.deepEqual((await polls(plant, 10, 250)).flat(), []);
    assert.equal(long(), before + 1);
    assert.deepEqual((await polls(plant, 360, 250, 10_000)).flat(), []);
    assert.ok(long() - before <= 12, `${long() - before} in an hour`);
    plant.device.behaviour = honest();
    assert.deepEqual((await polls(plant, 62, 250, 10_000)).flat(), []);
    assert.deepEqual((await poll(plant)).asked, ["1/3: 0+125", "1/3: 125+125"]);
    assert.equal(plant.client.requestLimit, undefined);
  });
}

test("a gap that was refused is tried again, too", async () => {
  const points = [...run(0, 10), ...run(12, 10)];
  const plant = await connected(
    points,
    refusing((address) => address === 11),
    { maxGap: 5, retryIntervalMs: 30_000 },
  );
  await poll(plant);
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+10", "1/3: 12+10"]);
  plant.device.behaviour = honest();
  plant.clock.nowMs += 30_000;
  await poll(plant);
  assert.deepEqual((await poll(plant)).asked, ["1/3: 0+22"]);
});

test("a device that is out of order (exception 4 for everything) is asked little, and all is good soon after it is back", async () => {
  const plant = await connected(
    sixty,
    refusing(() => true, 4),
    { retryIntervalMs: 3_600_000 },
  );
  const seen = await polls(plant, 60);
  assert.ok(seen.every((points) => points.length === 60));
  assert.ok((await poll(plant)).asked.length <= 2);
  plant.device.behaviour = honest();
  await polls(plant, 1);
  assert.deepEqual((await polls(plant, 1)).flat(), []);
});

test("a search costs a bounded number of requests in each poll, and comes to its end", async () => {
  const plant = await connected(
    run(0, 300),
    refusing((address) => address % 2 === 0),
  );
  let most = 0;
  for (let round = 0; round < 20; round++) most = Math.max(most, (await poll(plant)).asked.length);
  assert.ok(most < 350, `${most} requests in one poll`);
  const { sink, asked } = await poll(plant);
  assert.equal(asked.length, 150);
  assert.deepEqual(
    bad(sink, 300),
    Array.from({ length: 150 }, (_, index) => 2 * index),
  );
});

test("one sporadic exception 11 costs a unit id one poll, three in a row its place in the polls", async () => {
  const points = [point(0, { unitId: 1 }), point(0, { unitId: 2 })];
  const plant = await connected(points);
  await poll(plant);
  plant.device.behaviour = (request) => (request.unitId === 2 ? exception(request, 11) : honest()(request));
  assert.equal((await poll(plant)).sink.status(1), StatusCode.BadTimeout);
  plant.device.behaviour = honest();
  assert.equal((await poll(plant)).sink.value(1), scrambled(2, 3, 0));
  assert.deepEqual(plant.logged, []);
  plant.device.behaviour = (request) => (request.unitId === 2 ? exception(request, 11) : honest()(request));
  for (let round = 0; round < 3; round++) await poll(plant);
  const { sink, asked } = await poll(plant);
  assert.deepEqual(asked, ["1/3: 0+1"]);
  assert.equal(sink.status(1), StatusCode.BadTimeout);
  assert.deepEqual(plant.logged, [
    "warn the gateway cannot reach unit id 2: exception 11, gateway target device failed to respond; " +
      "it is asked again every 30 s. Check <unitId> and that device",
  ]);
});

test("a device that is busy for three polls is told once, one that is for two is not", async () => {
  const plant = await connected(sixty);
  const busy = refusing(() => true, 6);
  for (const behaviour of [busy, busy, honest(), busy, busy, honest()]) {
    plant.device.behaviour = behaviour;
    await poll(plant);
  }
  assert.deepEqual(plant.logged, []);
  plant.device.behaviour = busy;
  for (let round = 0; round < 10; round++) assert.deepEqual((await poll(plant)).asked, ["1/3: 0+60"]);
  assert.equal(plant.logged.length, 1);
  assert.match(
    plant.logged[0] ?? "",
    /^warn the device has no values for holding registers of unit 1: exception 6, server device busy; it is asked again/,
  );
  plant.device.behaviour = honest();
  assert.deepEqual(bad((await poll(plant)).sink, 60), []);
});

test("a device that is busy while a refused point is tried alone says nothing about that point", async () => {
  const plant = await connected(
    run(0, 10),
    refusing((address) => address === 9),
  );
  await poll(plant);
  plant.device.behaviour = refusing((address) => address === 9, 6);
  for (let round = 0; round < 5; round++) await poll(plant);
  plant.device.behaviour = honest();
  await poll(plant);
  assert.deepEqual(bad((await poll(plant)).sink, 10), []);
});

test("a refused point is told once, with what the device said and what it means", async () => {
  const plant = await connected(
    [point(0), point(40_101)],
    refusing((address) => address === 40_101),
  );
  for (let round = 0; round < 100; round++) {
    plant.clock.nowMs += 10_000;
    await poll(plant);
  }
  assert.deepEqual(plant.logged, [
    "warn the device refuses holding register 40101 of unit 1: exception 2, illegal data address; manuals that say 40101 mean address 100",
  ]);
});

test("many refused points are one record, whatever was refused, and of bounded length", async () => {
  const points = [...run(0, 200), ...run(30_001, 2, { functionCode: 4 }), point(7, { functionCode: 1, unitId: 3 })];
  const plant = await connected(points, (request) => {
    if (request.functionCode === 1) return exception(request, 1);
    return refusing((address) => address >= 30_001 || (address >= 100 && address % 5 === 0))(request);
  });
  for (let round = 0; round < 30; round++) await poll(plant);
  assert.equal(plant.logged.length, 1);
  assert.ok((plant.logged[0] ?? "").length < 1500);
  assert.match(
    plant.logged[0] ?? "",
    /holding register 100 of unit 1: exception 2, .* \| holding register 105 .* \| and \d+ other ranges$/,
  );
  const few = await connected(points.slice(200), plant.device.behaviour);
  for (let round = 0; round < 4; round++) await poll(few);
  assert.deepEqual(few.logged, [
    "warn the device refuses input registers 30001 to 30002 of unit 1: exception 2, illegal data address; manuals that say 30001 mean address 0" +
      " | coil 7 of unit 3: exception 1, illegal function; the device does not know this <function>",
  ]);
});

test("a device failure for everything may be a wrong unit id, and the record says so", async () => {
  const plant = await connected(
    [point(0)],
    refusing(() => true, 4),
  );
  for (let round = 0; round < 4; round++) await poll(plant);
  assert.deepEqual(plant.logged, [
    "warn the device refuses holding register 0 of unit 1: exception 4, server device failure; some devices answer so for a unit id that they do not have: check <unitId>",
  ]);
});
