import assert from "node:assert/strict";
import { test } from "node:test";

import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { imageOf, pointOf, poll, serverOf } from "../../image/sample-image.ts";
import { orderedRows, takeBanks } from "../../../packages/partition/src/commands/point-rows.ts";
import { connectionTable } from "../../../packages/partition/src/commands/value-table.ts";

test("rows have the order of the configuration, and each group of a server has its own poll", () => {
  const server = serverOf("A", 0, 0, 0);
  const points = server.groups[0]?.points ?? [];
  const group = (name: string, ...positions: number[]) => ({
    name,
    intervalMs: 100,
    points: positions.flatMap((serverPosition) => {
      const point = points[serverPosition];
      return point === undefined ? [] : [Object.assign({}, point, { serverPosition })];
    }),
  });
  const { reader } = imageOf({ ...server, groups: [group("0.1 s", 1), group("5 s", 0, 2)] }, serverOf("B", 0));
  const banks = takeBanks([reader]);
  const names = [...points, ...(serverOf("B", 0).groups[0]?.points ?? [])].map(({ key }) => key.split(": ").at(-1));
  assert.deepEqual(
    orderedRows(banks, Date.now()).map(({ point }) => point.split(": ").at(-1)),
    names,
  );
  assert.match(connectionTable(banks, 100), /A 0\.1 s .*\n\s*A 5 s .*\n\s*B /);
});

test("the value of an enumeration has its text behind the number, and one without a text is the number", () => {
  const enumeration = "0=Off\n2=Running";
  const points = [pointOf("A: 0", { enumeration }), pointOf("A: 1", { enumeration }), pointOf("A: 2")];
  const { reader, blocks } = imageOf({ ...serverOf("A"), groups: [{ name: "", intervalMs: 100, points }] });
  const [block] = blocks;
  assert.ok(block);
  poll(block, (sink) => {
    for (const [index, value] of [2, 3, 2].entries()) sink.setNumber(index, BuiltInType.Int32, value);
  });
  const rows = orderedRows(takeBanks([reader]), Date.now());
  assert.deepEqual(
    rows.map(({ value }) => value),
    ["2 Running", "3", "2"],
  );
});
