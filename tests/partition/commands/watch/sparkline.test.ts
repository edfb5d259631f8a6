import assert from "node:assert/strict";
import { test } from "node:test";

import { sparkline } from "../../../../packages/partition/src/commands/watch/sparkline.ts";

const at = (ms: number, value: number | undefined) => ({ ms, value });

test("each place has the last number up to its end, and none where no good value was there", () => {
  assert.equal(sparkline([at(0, 0), at(50, 7), at(70, undefined), at(90, 3.5)], 0, 100, 10), "▁▁▁▁██  ▅▅");
});

test("a number that never moves lies in the middle, and there is nothing before the first", () => {
  assert.equal(sparkline([at(50, 20)], 0, 100, 4), " ▅▅▅");
  assert.equal(sparkline([], 0, 100, 4), "    ");
});

test("numbers at the ends of what a Double holds are drawn", () => {
  assert.equal(sparkline([at(0, -Number.MAX_VALUE), at(50, Number.MAX_VALUE)], 0, 100, 2).length, 2);
});
