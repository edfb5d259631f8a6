// Value and exponent are of one response, whatever the plan and the device do.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { planReads } from "../../../../packages/partition/src/protocols/modbus/reading/read-plan.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import { RecordingSink, point } from "../../../plant/modbus-points.ts";
import { data, exception, honest, response, type Behaviour } from "../../../plant/modbus-device.ts";
import { connected, poll, running } from "../../../plant/modbus-rig.ts";

const scaled = (address: number, factorAddress: number): ReturnType<typeof point> =>
  point(address, { key: `Plant: ${address}`, factorAddress, type: BuiltInType.Double, wireType: BuiltInType.Int16 });

test("every request that has a value has its exponent, too, before it or behind it", () => {
  const place = fc.integer({ min: 0, max: 300 });
  const pair = fc.tuple(place, fc.integer({ min: -60, max: 60 })).filter(([at, far]) => far !== 0 && at + far >= 0);
  const limits = { maxRegistersPerRequest: fc.integer({ min: 61, max: 125 }), maxGap: fc.integer({ min: 0, max: 5 }) };
  fc.assert(
    fc.property(fc.array(pair, { minLength: 1, maxLength: 30 }), fc.record(limits), (pairs, bounds) => {
      const points = pairs.map(([at, far]) => scaled(at, at + far));
      const { tables, unreadable } = planReads(points, bounds);
      assert.deepEqual(unreadable, []);
      const seen = new Set<number>();
      for (const { address, quantity, points: own } of tables.flatMap(({ requests }) => requests)) {
        assert.ok(quantity <= bounds.maxRegistersPerRequest);
        for (const { index } of own) {
          seen.add(index);
          const { address: at, factorAddress = -1 } = points[index] ?? assert.fail();
          for (const one of [at, factorAddress]) assert.ok(one >= address && one < address + quantity);
        }
      }
      assert.equal(seen.size, points.length);
    }),
  );
});

test("a device that changes value and exponent at random moments never shows another number, in thousands of polls", async () => {
  // The number is always 12.5: as 125 with -1, 1250 with -2 or 12500 with -3.
  let power = 1;
  const cell = (_: number, __: number, address: number): number => {
    if (address === 3) return 0x1_0000 - power;
    return 125 * 10 ** (power - 1);
  };
  const changing: Behaviour = (request) => {
    power = 1 + Math.floor(Math.random() * 3);
    return response(request, data(request, cell));
  };
  const points = [scaled(0, 3), scaled(5, 3), point(4)];
  const plant = await connected(points, changing, { maxRegistersPerRequest: 4 });
  const sink = new RecordingSink();
  for (let polls = 0; polls < 3000; polls++) {
    await plant.client.poll(sink, running);
    assert.deepEqual([sink.value(0), sink.value(1)], [12.5, 12.5]);
  }
});

const refusingRegister2: Behaviour = (request) =>
  request.address <= 2 && request.address + request.quantity > 2 ? exception(request, 2) : honest(() => 7)(request);

test("a device that refuses what lies between value and exponent makes the point bad, and no other", async () => {
  const plant = await connected([scaled(0, 4), scaled(6, 5)], refusingRegister2);
  for (let polls = 0; polls < 3; polls++) await poll(plant);
  const { sink } = await poll(plant);
  assert.deepEqual([sink.value(0), sink.value(1)], [undefined, 70_000_000]);
  assert.match(plant.logged.join("\n"), /the device refuses holding registers 0 to 4/);
});
