import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Alarm, Grid } from "../../packages/process/src/schedule.ts";

test("the next instant of a grid is later than now and at most one interval away, and no instant drifts", () => {
  const startMs = fc.integer({ min: 0, max: 1e9 });
  fc.assert(
    fc.property(startMs, fc.integer({ min: 1, max: 1e6 }), fc.nat({ max: 1e9 }), (start, interval, elapsed) => {
      const grid = new Grid(start, interval);
      const number = grid.after(start + elapsed);
      const instant = grid.instantMs(number);
      assert.ok(instant > start + elapsed && instant <= start + elapsed + interval);
      assert.equal(instant, start + number * interval);
    }),
  );
});

test("before its start a grid's next instant is the start", () => {
  assert.equal(new Grid(1000, 10).after(0), 0);
});

test("an alarm ends a wait when it is rung, and a ring while nobody waits ends the next one", async () => {
  const alarm = new Alarm();
  const waiting = alarm.wait(2 ** 31 - 1);
  alarm.ring();
  assert.equal(await waiting, true);
  alarm.ring();
  alarm.ring();
  assert.equal(await alarm.wait(2 ** 31 - 1), true);
  assert.equal(await alarm.wait(1), false, "two rings are one");
  alarm.ring();
  assert.equal(await alarm.rung(), true, "also one without an end");
  assert.equal(await alarm.wait(-5), false);
});
