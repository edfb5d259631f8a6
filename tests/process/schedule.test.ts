import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Alarm, Grid, GridAlarm, Grids } from "../../packages/process/src/schedule.ts";

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

test("alarms that wait for the same instant of a grid share a timer, which goes with the last of them", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const timers = t.mock.method(globalThis, "setTimeout");
  const grid = new Grids(1000, 100).of();
  const ends: (readonly [alarm: number, isRung: boolean])[] = [];
  const alarmOf = (index: number): GridAlarm => new GridAlarm((isRung) => ends.push([index, isRung]));
  const [first, second, third] = [alarmOf(0), alarmOf(1), alarmOf(2)];
  for (const alarm of [first, second, third]) alarm.waitUntil(grid, 1, 1040);
  assert.equal(timers.mock.callCount(), 1);
  assert.deepEqual(timers.mock.calls[0]?.arguments[1], 60);
  first.ring();
  assert.deepEqual(ends.splice(0), [[0, true]]);
  first.waitUntil(grid, 2, 1050);
  t.mock.timers.tick(60);
  const atTheInstant = [
    [1, false],
    [2, false],
  ];
  assert.deepEqual(ends.splice(0), atTheInstant);
  first.ring();
  assert.deepEqual(ends.splice(0), [[0, true]]);
  second.waitUntil(grid, 2, 1110);
  assert.equal(timers.mock.callCount(), 3, "nobody was left who waited for it");
  third.ring();
  third.ring();
  assert.deepEqual(ends, []);
  third.waitUntil(grid, 2, 1110);
  assert.deepEqual(ends.splice(0), [[2, true]], "it was rung before");
  third.waitUntil(grid, 2, 1110);
  assert.deepEqual(ends, [], "two rings are one");
});

test("groups of the same interval have the same grid", () => {
  const grids = new Grids(1000, 100);
  assert.equal(grids.of(100), grids.of());
  assert.deepEqual([grids.of(70).instantMs(1), grids.of().instantMs(1)], [1070, 1100]);
});
