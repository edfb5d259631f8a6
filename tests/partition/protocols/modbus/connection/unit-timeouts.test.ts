import assert from "node:assert/strict";
import { test } from "node:test";

import { UnitTimeouts } from "../../../../../packages/partition/src/protocols/modbus/connection/unit-timeouts.ts";

test("one time-out of the only unit id that has ever answered is enough", () => {
  const timeouts = new UnitTimeouts();
  timeouts.replied(1);
  assert.equal(timeouts.timedOut(1, false, false), true);
});

test("a unit id that has never answered says nothing about the connection of its neighbour", () => {
  const timeouts = new UnitTimeouts();
  timeouts.replied(1);
  for (let round = 0; round < 100; round++) {
    assert.equal(timeouts.timedOut(5, false, false), false);
    timeouts.replied(1);
  }
});

test("of many unit ids that used to answer, two silent ones in a row are enough, and any reply starts anew", () => {
  const timeouts = new UnitTimeouts();
  for (let unitId = 1; unitId <= 10; unitId++) timeouts.replied(unitId);
  assert.equal(timeouts.timedOut(1, false, false), false);
  assert.equal(timeouts.timedOut(1, false, false), false);
  assert.equal(timeouts.timedOut(11, false, false), false);
  timeouts.replied(9);
  assert.equal(timeouts.timedOut(3, false, false), false);
  assert.equal(timeouts.timedOut(4, false, false), true);
});

test("where nobody has ever answered, everybody is asked once before the connection is given up", () => {
  const timeouts = new UnitTimeouts();
  for (let unitId = 1; unitId <= 20; unitId++) assert.equal(timeouts.timedOut(unitId, false, false), false);
  assert.equal(timeouts.timedOut(1, false, false), true);
});

test("a young connection on which nobody has answered is kept, one on which somebody has is not", () => {
  const timeouts = new UnitTimeouts();
  for (let round = 0; round < 10; round++) assert.equal(timeouts.timedOut(1, true, false), false);
  assert.equal(timeouts.hasAnyAnswered, false);
  assert.equal(timeouts.timedOut(1, false, false), true);
  timeouts.replied(1);
  assert.equal(timeouts.hasAnyAnswered, true);
  assert.equal(timeouts.timedOut(1, true, false), true);
});

test("a unit id is silent from its time-out to its next reply", () => {
  const timeouts = new UnitTimeouts();
  assert.equal(timeouts.isSilent(1), false);
  timeouts.timedOut(1, false, false);
  timeouts.replied(2);
  assert.deepEqual([timeouts.isSilent(1), timeouts.isSilent(2)], [true, false]);
  timeouts.replied(1);
  assert.equal(timeouts.isSilent(1), false);
});

test("a unit id whose request was overtaken by a later answer says nothing of the connection", () => {
  const timeouts = new UnitTimeouts();
  for (const unitId of [1, 2]) timeouts.replied(unitId);
  for (let round = 0; round < 10; round++) assert.equal(timeouts.timedOut(1, false, true), false);
  assert.equal(timeouts.isSilent(1), true);
  assert.equal(timeouts.timedOut(1, false, false), false);
  assert.equal(timeouts.timedOut(2, false, false), true);
});
