import assert from "node:assert/strict";
import { test } from "node:test";

import { Silence } from "../../../../packages/partition/src/protocols/modbus/silence.ts";

test("one time-out of the only unit id that has ever answered is enough", () => {
  const silence = new Silence();
  silence.replied(1);
  assert.equal(silence.timedOut(1, false), true);
});

test("a unit id that has never answered says nothing about the connection of its neighbour", () => {
  const silence = new Silence();
  silence.replied(1);
  for (let round = 0; round < 100; round++) {
    assert.equal(silence.timedOut(5, false), false);
    silence.replied(1);
  }
});

test("of many unit ids that used to answer, two silent ones in a row are enough, and any reply starts anew", () => {
  const silence = new Silence();
  for (let unitId = 1; unitId <= 10; unitId++) silence.replied(unitId);
  assert.equal(silence.timedOut(1, false), false);
  assert.equal(silence.timedOut(1, false), false);
  assert.equal(silence.timedOut(11, false), false);
  silence.replied(9);
  assert.equal(silence.timedOut(3, false), false);
  assert.equal(silence.timedOut(4, false), true);
});

test("where nobody has ever answered, everybody is asked once before the connection is given up", () => {
  const silence = new Silence();
  for (let unitId = 1; unitId <= 20; unitId++) assert.equal(silence.timedOut(unitId, false), false);
  assert.equal(silence.timedOut(1, false), true);
});

test("a young connection on which nobody has answered is kept, one on which somebody has is not", () => {
  const silence = new Silence();
  for (let round = 0; round < 10; round++) assert.equal(silence.timedOut(1, true), false);
  assert.equal(silence.isBroken, false);
  assert.equal(silence.timedOut(1, false), true);
  silence.replied(1);
  assert.equal(silence.isBroken, true);
  assert.equal(silence.timedOut(1, true), true);
});

test("a unit id is silent from its time-out to its next reply", () => {
  const silence = new Silence();
  assert.equal(silence.isSilent(1), false);
  silence.timedOut(1, false);
  silence.replied(2);
  assert.deepEqual([silence.isSilent(1), silence.isSilent(2)], [true, false]);
  silence.replied(1);
  assert.equal(silence.isSilent(1), false);
});
