import assert from "node:assert/strict";
import { test } from "node:test";

import { groupsByInterval, withInterval } from "../../../packages/partition/src/sources/rate-groups.ts";

test("points with equal intervals are one group, the fastest first, each in the order of the file", () => {
  const points = [{ intervalMs: 5000 }, {}, { intervalMs: 100 }, { intervalMs: 1000 }, { intervalMs: 5000 }];
  assert.deepEqual(groupsByInterval(points, 1000), [
    { name: "0.1 s", intervalMs: 100, points: [2] },
    { name: "1 s", intervalMs: 1000, points: [1, 3] },
    { name: "5 s", intervalMs: 5000, points: [0, 4] },
  ]);
});

test("the only group of a server has no name", () => {
  assert.deepEqual(groupsByInterval([{}, { intervalMs: 200 }], 200), [{ name: "", intervalMs: 200, points: [0, 1] }]);
  assert.deepEqual(groupsByInterval([], 200), [{ name: "", intervalMs: 200, points: [] }]);
  assert.deepEqual(groupsByInterval([{}], undefined), [{ name: "", intervalMs: undefined, points: [0] }]);
});

test("a server without an interval of its own has that of the service", () => {
  const servers = [
    { alias: "A", intervalMs: undefined },
    { alias: "B", intervalMs: 7 },
  ];
  assert.deepEqual(
    servers.map((server) => withInterval(server, 250)),
    [
      { alias: "A", intervalMs: 250 },
      { alias: "B", intervalMs: 7 },
    ],
  );
});
