// Several requests outstanding at a time: every rule that holds for one holds for them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import * as fc from "fast-check";

import { ServerError } from "../../../../packages/partition/src/sources/server-error.ts";
import { RecordingSink, run } from "../../../plant/modbus-points.ts";
import {
  data,
  exception,
  honest,
  response,
  scrambled,
  type Behaviour,
  type DeviceRequest,
} from "../../../plant/modbus-device.ts";
import { cleanUps, connected, poll, pollTruly, refusing, running } from "../../../plant/modbus-rig.ts";

const inEights = { maxInFlight: 8 };

/** Answers when `release` says so; counts what is outstanding. */
class Holding {
  readonly held: DeviceRequest[] = [];
  most = 0;
  readonly behaviour: Behaviour = (request) => {
    this.held.push(request);
    this.most = Math.max(this.most, this.held.length);
    setImmediate(() => {
      const one = this.held.pop();
      one?.socket.write(response(one, data(one)));
    });
    return undefined;
  };
}

test("2000 registers are asked for eight requests at a time, and one at a time by default", async () => {
  for (const [changes, most] of [
    [inEights, 8],
    [{}, 1],
  ] as const) {
    const plant = await connected(run(0, 2000), honest(), changes);
    await poll(plant);
    // The device keeps all back until nothing comes any more, and answers the last one first.
    const holding = new Holding();
    plant.device.behaviour = holding.behaviour;
    const { sink } = await poll(plant);
    assert.ok(holding.most <= most, `${holding.most} were outstanding`);
    assert.ok(holding.most > most / 2, `${holding.most} were outstanding`);
    for (let address = 0; address < 2000; address++) assert.equal(sink.value(address), scrambled(1, 3, address));
  }
});

/** What the device does with one request. */
const deeds = fc.constantFrom("answer", "answer", "later", "late", "twice", "never", "busy", "absent");
type Deed = typeof deeds extends fc.Arbitrary<infer T> ? T : never;

const timeoutMs = 25;

test("a good value is always the device's own answer to this poll, whatever it answers late, twice, in another order or not at all", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 2, max: 8 }),
      fc.array(fc.array(deeds, { minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 3 }),
      async (maxInFlight, polls) => {
        let generation = 0;
        const cell = (unitId: number, functionCode: number, address: number): number =>
          scrambled(unitId, functionCode, address + 1000 * generation);
        const points = [1, 2].flatMap((unitId) => run(0, 6, { unitId }));
        const plant = await connected(points, honest(cell), {
          ...inEights,
          maxInFlight,
          maxRegistersPerRequest: 1,
          timeoutMs,
        });
        for (const deedsOfPoll of polls) {
          generation++;
          let asked = 0;
          plant.device.behaviour = (request) => misbehave(request, deedsOfPoll[asked++ % deedsOfPoll.length], cell);
          await pollTruly(plant.client, points, cell);
        }
        await plant.client.disconnect();
        await plant.device.close();
      },
    ),
    { numRuns: 12 },
  );
});

function misbehave(request: DeviceRequest, deed: Deed | undefined, cell: typeof scrambled): Buffer | undefined {
  const reply = response(request, data(request, cell));
  const send = (bytes: Buffer, afterMs: number): undefined => {
    setTimeout(() => {
      if (!request.socket.destroyed) request.socket.write(bytes);
    }, afterMs);
  };
  switch (deed) {
    case "later":
      return send(reply, 3);
    case "late":
      return send(reply, timeoutMs + 10);
    case "twice":
      // The second is a fault of the device, which ends the connection.
      return Buffer.concat([reply, reply]);
    case "never":
      return undefined;
    case "busy":
      return exception(request, 6);
    case "absent":
      return exception(request, 11);
    default:
      return reply;
  }
}

/** What a unit id behind a gateway does, poll after poll, once it has answered. */
const fates = fc.constantFrom("answers", "answers", "slow", "silent", "late", "absent", "no path", "busy", "broken");
type Fate = typeof fates extends fc.Arbitrary<infer T> ? T : never;

const exceptionOf: Partial<Record<Fate, number>> = { absent: 11, "no path": 10, busy: 6, broken: 4 };
const patienceMs = 200;
/** Two who are silent at the same time cost a connection; then each of them costs a poll. */
const mostPolls = 25;

function behaviourOf(fatesOfUnits: readonly Fate[]): Behaviour {
  return (request) => {
    const fate = fatesOfUnits[request.unitId - 1] ?? "answers";
    const reply = response(request, data(request));
    const code = exceptionOf[fate];
    if (code !== undefined) return exception(request, code);
    if (fate === "silent") return undefined;
    if (fate === "answers") return reply;
    setTimeout(() => request.socket.write(reply), fate === "slow" ? 2 : 2 * patienceMs);
    return undefined;
  };
}

test("whatever some unit ids behind a gateway do, the others are read, with any window", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<Fate>("answers", "slow"),
      fc.array(fates, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 16 }),
      async (fateOfFirst, fatesOfOthers, maxInFlight) => {
        const fatesOfUnits = [fateOfFirst, ...fatesOfOthers];
        const points = fatesOfUnits.flatMap((_, place) => run(0, 4, { unitId: place + 1 }));
        const changes = { maxInFlight, maxRegistersPerRequest: 2, timeoutMs: patienceMs };
        const plant = await connected(points, honest(), changes);
        await poll(plant);
        plant.device.behaviour = behaviourOf(fatesOfUnits);
        const wanted = points.map(({ unitId, address }) => {
          const fate = fatesOfUnits[unitId - 1] ?? "answers";
          return fate === "answers" || fate === "slow" ? scrambled(unitId, 3, address) : undefined;
        });
        let shown: unknown[] = [];
        for (let polls = 0; polls < mostPolls && !isDeepStrictEqual(shown, wanted); polls++) {
          try {
            const { sink } = await poll(plant);
            shown = points.map((_, index) => sink.value(index));
          } catch (error) {
            assert.ok(error instanceof ServerError && error.code === "Timeout", String(error));
            await plant.client.disconnect();
            await plant.client.connect(running);
            continue;
          }
          for (const [index, { unitId, address }] of points.entries())
            assert.ok([undefined, scrambled(unitId, 3, address)].includes(shown[index] as number | undefined));
        }
        assert.deepEqual(shown, wanted);
        await plant.client.disconnect();
        await plant.device.close();
      },
    ),
    { numRuns: 12 },
  );
});

test("holes and lengths that a device refuses are found with eight at a time as with one", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { maxLength: 5 }),
      fc.integer({ min: 3, max: 60 }),
      fc.constantFrom(1, 8),
      async (holes, longest, maxInFlight) => {
        const refuse = refusing((address) => holes.includes(address));
        const behaviour: Behaviour = (request) =>
          request.quantity > longest ? exception(request, 3) : refuse(request);
        const plant = await connected(run(0, 60), behaviour, { maxInFlight, maxRegistersPerRequest: 30 });
        let sink = new RecordingSink();
        for (let polls = 0; polls < 8; polls++) ({ sink } = await poll(plant));
        for (let address = 0; address < 60; address++) {
          assert.equal(sink.value(address), holes.includes(address) ? undefined : scrambled(1, 3, address));
        }
        await plant.client.disconnect();
        await plant.device.close();
      },
    ),
    { numRuns: 15 },
  );
});

test("a unit id that is silent gets one request, and the others are read", async () => {
  const points = [1, 2, 3].flatMap((unitId) => run(0, 20, { unitId }));
  const plant = await connected(points, honest(), { ...inEights, maxRegistersPerRequest: 2, timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = (request) => (request.unitId === 2 ? undefined : response(request, data(request)));
  const first = await poll(plant);
  assert.equal(first.sink.value(0), scrambled(1, 3, 0));
  assert.equal(first.sink.value(20), undefined);
  plant.clock.nowMs += 31_000;
  const second = await poll(plant);
  assert.deepEqual(
    second.asked.filter((request) => request.startsWith("2/")),
    ["2/3: 0+2"],
  );
  assert.equal(second.sink.value(59), scrambled(3, 3, 19));
});

test("a device that loses requests in company gets one at a time, and no value turns bad", async () => {
  const plant = await connected(run(0, 20), honest(), { ...inEights, maxRegistersPerRequest: 2, timeoutMs: 400 });
  await poll(plant);
  let isBusy = false;
  plant.device.behaviour = (request) => {
    if (isBusy) return undefined;
    isBusy = true;
    setImmediate(() => {
      isBusy = false;
      request.socket.write(response(request, data(request)));
    });
    return undefined;
  };
  for (let polls = 0; polls < 2; polls++) {
    const { sink, asked } = await poll(plant);
    for (let address = 0; address < 20; address++) assert.equal(sink.value(address), scrambled(1, 3, address));
    if (polls === 1) assert.equal(asked.length, 10, "nothing is lost any more");
  }
  assert.equal(plant.logged.length, 1);
  assert.match(plant.logged[0] ?? "", /^warn the device lost a request while 8 .* Reduce <maxInFlight>/);
});

test("a device that answers one request and closes is read with several at a time, too", async () => {
  const plant = await connected(run(0, 20), honest(), { ...inEights, maxRegistersPerRequest: 2 });
  await poll(plant);
  const answered = new Set<number>();
  plant.device.behaviour = (request) => {
    if (answered.has(request.connection)) return undefined;
    answered.add(request.connection);
    request.socket.end(response(request, data(request)));
    return undefined;
  };
  const { sink } = await poll(plant);
  for (let address = 0; address < 20; address++) assert.equal(sink.value(address), scrambled(1, 3, address));
});

test("a cable that is cut while eight requests are outstanding says nothing of their length", async () => {
  const plant = await connected(run(0, 800), honest(), { ...inEights, timeoutMs: 400 });
  await poll(plant);
  plant.device.behaviour = () => undefined;
  await assert.rejects(poll(plant), ServerError);
  plant.device.behaviour = honest();
  await plant.client.disconnect();
  await plant.client.connect(running);
  const { asked } = await poll(plant);
  assert.equal(asked.length, 7, asked.join(" "));
  cleanUps.push(() => plant.client.disconnect());
});
