import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { inServerOrder } from "../../packages/image/src/server-order.ts";

test("points come in the order of the configuration, however they are distributed over groups", () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 3 })), (groupOf) => {
      const groups = [0, 1, 2, 3].map((group) => ({
        points: groupOf.flatMap((own, serverPosition) => (own === group ? [{ serverPosition }] : [])),
      }));
      const visited: (number | undefined)[] = [];
      inServerOrder(groups, (group, index) => visited.push(groups[group]?.points[index]?.serverPosition));
      assert.deepEqual(visited, [...groupOf.keys()]);
    }),
  );
});

test("every point comes once, also where positions contradict each other", () => {
  const groups = [{ points: [{ serverPosition: 7 }, { serverPosition: 0 }] }, { points: [{ serverPosition: 7 }] }];
  const visited: string[] = [];
  inServerOrder(groups, (group, index) => visited.push(`${group}/${index}`));
  assert.deepEqual(visited.toSorted(), ["0/0", "0/1", "1/0"]);
});
