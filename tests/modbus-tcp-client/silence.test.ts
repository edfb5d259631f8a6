import assert from "node:assert/strict";
import { test } from "node:test";

import { Silence } from "../../src/modbus-tcp-client/silence.ts";

test("one time-out of the only unit id that has ever answered is enough", () => {
  const silence = new Silence();
  silence.replied(1);
  assert.equal(silence.timedOut(1), true);
});

test("a unit id that has never answered says nothing about the connection of its neighbour", () => {
  const silence = new Silence();
  silence.replied(1);
  for (let round = 0; round < 100; round++) {
    assert.equal(silence.timedOut(5), false);
    silence.replied(1);
  }
});

test("of many unit ids that used to answer, two silent ones in a row are enough, and any reply starts anew", () => {
  const silence = new Silence();
  for (let unitId = 1; unitId <= 10; unitId++) silence.replied(unitId);
  assert.equal(silence.timedOut(1), false);
  assert.equal(silence.timedOut(1), false);
  assert.equal(silence.timedOut(11), false);
  silence.replied(9);
  assert.equal(silence.timedOut(3), false);
  assert.equal(silence.timedOut(4), true);
});

test("where nobody has ever answered, everybody is asked once before the connection is given up", () => {
  const silence = new Silence();
  for (let unitId = 1; unitId <= 20; unitId++) assert.equal(silence.timedOut(unitId), false);
  assert.equal(silence.timedOut(1), true);
});

test("a unit id is silent from its time-out to its next reply", () => {
  const silence = new Silence();
  assert.equal(silence.isSilent(1), false);
  silence.timedOut(1);
  silence.replied(2);
  assert.deepEqual([silence.isSilent(1), silence.isSilent(2)], [true, false]);
  silence.replied(1);
  assert.equal(silence.isSilent(1), false);
});
