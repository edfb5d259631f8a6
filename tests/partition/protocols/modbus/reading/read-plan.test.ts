import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type { ModbusPoint } from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import {
  coalesce,
  planReads,
  type PlannedPoint,
  type ReadRequest,
} from "../../../../../packages/partition/src/protocols/modbus/reading/read-plan.ts";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";
import { point, run } from "../../../../plant/modbus-points.ts";

const standard = { maxRegistersPerRequest: 125, maxGap: 0 };

/** The requests as `unit/function: address+quantity`. */
function outline(points: readonly ModbusPoint[], limits = standard): string[] {
  return planReads(points, limits).tables.flatMap(({ unitId, requests }) =>
    requests.map(({ functionCode, address, quantity }) => `${unitId}/${functionCode}: ${address}+${quantity}`),
  );
}

test("1000 contiguous registers are 8 requests, 4000 contiguous coils 2", () => {
  assert.equal(outline(run(0, 1000)).length, 8);
  assert.deepEqual(outline(run(100, 4000, { functionCode: 1 })), ["1/1: 100+2000", "1/1: 2100+2000"]);
});

test("unit ids and functions are never mixed, and come in the order of the configuration", () => {
  const points = [
    point(5, { unitId: 7, functionCode: 4 }),
    point(5, { unitId: 2 }),
    point(6, { unitId: 7, functionCode: 4 }),
    point(6, { unitId: 7, functionCode: 3 }),
    point(7, { unitId: 2, functionCode: 1 }),
  ];
  assert.deepEqual(outline(points), ["7/4: 5+2", "2/3: 5+1", "7/3: 6+1", "2/1: 7+1"]);
});

test("a gap is bridged up to maxGap and no further", () => {
  const points = [point(0), point(4), point(9)];
  assert.deepEqual(outline(points, { ...standard, maxGap: 2 }), ["1/3: 0+1", "1/3: 4+1", "1/3: 9+1"]);
  assert.deepEqual(outline(points, { ...standard, maxGap: 3 }), ["1/3: 0+5", "1/3: 9+1"]);
  assert.deepEqual(outline(points, { ...standard, maxGap: 4 }), ["1/3: 0+10"]);
});

test("a value of several registers is never split over two requests", () => {
  const points = [...run(0, 123), point(123, { wireType: BuiltInType.Double })];
  assert.deepEqual(outline(points), ["1/3: 0+123", "1/3: 123+4"]);
  const text = point(118, { wireType: BuiltInType.String, width: 16 });
  assert.deepEqual(outline([...run(0, 118), text]), ["1/3: 0+118", "1/3: 118+16"]);
});

test("a smaller limit of the device holds for registers and leaves bits alone", () => {
  const limits = { maxRegistersPerRequest: 10, maxGap: 0 };
  assert.deepEqual(outline(run(0, 25), limits), ["1/3: 0+10", "1/3: 10+10", "1/3: 20+5"]);
  assert.deepEqual(outline(run(0, 25, { functionCode: 2 }), limits), ["1/2: 0+25"]);
});

test("a point that no allowed request can hold is unreadable, and the others are planned", () => {
  const points = [
    point(0),
    point(1, { wireType: BuiltInType.Double }),
    point(65_535, { wireType: BuiltInType.UInt32 }),
    point(65_535),
  ];
  const plan = planReads(points, { maxRegistersPerRequest: 3, maxGap: 0 });
  assert.deepEqual(plan.unreadable, [1, 2]);
  assert.deepEqual(outline(points, { maxRegistersPerRequest: 3, maxGap: 0 }), ["1/3: 0+1", "1/3: 65535+1"]);
});

interface Bounds {
  readonly maxQuantity: number;
  readonly maxGap: number;
  readonly refused: readonly { readonly address: number; readonly endAddress: number }[];
}

const spans = fc.array(fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 5 })), { minLength: 1, maxLength: 7 });
const bounds: fc.Arbitrary<Bounds> = fc.record({
  maxQuantity: fc.integer({ min: 5, max: 20 }),
  maxGap: fc.nat(6),
  refused: fc.array(
    fc
      .tuple(fc.nat(44), fc.integer({ min: 1, max: 6 }))
      .map(([address, length]) => ({ address, endAddress: address + length })),
    { maxLength: 3 },
  ),
});

function planned(pairs: readonly (readonly [number, number])[]): PlannedPoint[] {
  const points = pairs.map(([address, width], index) => ({ index, address, width, decode: () => undefined }));
  return points.sort((a, b) => a.address - b.address || a.width - b.width);
}

/** Whether these points (by address) may share one request, said independently of `coalesce`. */
function mayShare(points: readonly PlannedPoint[], { maxQuantity, maxGap, refused }: Bounds): boolean {
  const wanted = new Set(
    points.flatMap(({ address, width }) => Array.from({ length: width }, (_, at) => address + at)),
  );
  const first = Math.min(...wanted);
  const end = Math.max(...wanted) + 1;
  if (points.length === 1) return true;
  if (end - first > maxQuantity) return false;
  if (refused.some((range) => range.address >= first && range.endAddress <= end)) return false;
  let gap = 0;
  for (let address = first; address < end; address++) {
    gap = wanted.has(address) ? 0 : gap + 1;
    if (gap > maxGap) return false;
  }
  return true;
}

function fewestGroups(points: readonly PlannedPoint[], limits: Bounds, groups: readonly PlannedPoint[][] = []): number {
  const [next, ...rest] = points;
  if (next === undefined) return groups.every((group) => mayShare(group, limits)) ? groups.length : Infinity;
  const choices = groups.map((_, chosen) =>
    fewestGroups(
      rest,
      limits,
      groups.map((group, index) => (index === chosen ? [...group, next] : group)),
    ),
  );
  return Math.min(...choices, fewestGroups(rest, limits, [...groups, [next]]));
}

test("every request keeps the bounds and every point is in exactly one, whole", () => {
  fc.assert(
    fc.property(spans, bounds, (pairs, limits) => {
      const points = planned(pairs);
      const requests: ReadRequest[] = coalesce(3, points, limits);
      assert.deepEqual(
        requests.flatMap((request) => request.points),
        points,
      );
      for (const request of requests) {
        assert.ok(mayShare(request.points, limits));
        for (const { address, width } of request.points) {
          assert.ok(address >= request.address && address + width <= request.address + request.quantity);
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("no other grouping needs fewer requests, as long as no point has itself been refused", () => {
  fc.assert(
    fc.property(spans, bounds, (pairs, limits) => {
      const points = planned(pairs).filter(
        ({ address, width }) =>
          !limits.refused.some((range) => range.address >= address && range.endAddress <= address + width),
      );
      assert.equal(coalesce(3, points, limits).length, fewestGroups(points, limits));
    }),
    { numRuns: 300 },
  );
});
