import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliverySettings } from "../../../packages/bridge/src/configuration/delivery-settings.ts";
import { ChangeFilter } from "../../../packages/bridge/src/delivery/change-filter.ts";
import type { PointChange } from "../../../packages/bridge/src/observation/observed-change.ts";
import { changeOf } from "../outputs/opened-output.ts";

const settings: DeliverySettings = {
  include: [],
  exclude: [],
  deadbands: [],
  minimumIntervalMs: 0,
  batchMs: 50,
  queueBytes: 1,
  historyPerSecond: 1,
};

const { point } = changeOf("Kessel", "Temp", 0);
const other = changeOf("Kessel", "Druck", 0).point;
const at = (value: number, changed: Partial<PointChange> = {}) => changeOf("", "", value, { point, ...changed });
const values = (changes: readonly PointChange[]) => changes.map(({ value }) => value);

test("a difference below the deadband is left out, compared with what the host has", () => {
  const filter = new ChangeFilter<PointChange>({ ...settings, deadbands: [{ points: [/Temp/], absolute: 1 }] });
  filter.know([at(10)]);
  assert.deepEqual(values(filter.pass([at(10.9), at(11), at(10.1), at(9.9)], 0)), [11, 9.9]);
  assert.deepEqual(values(filter.pass([at(9.9, { status: 0x80000000 }), at(9.9)], 0)), [9.9, 9.9], "a status counts");
  assert.deepEqual(values(filter.pass([at(1, { point: other }), at(1.1, { point: other })], 0)), [1, 1.1]);
});

test("a point that changes too often gives its last value when the time is over", () => {
  const filter = new ChangeFilter<PointChange>({ ...settings, minimumIntervalMs: 1000 });
  assert.deepEqual(values(filter.pass([at(1), at(2), at(3)], 0)), [1]);
  assert.deepEqual(values(filter.pass([at(7, { point: other })], 500)), [7]);
  assert.deepEqual(values(filter.pass([], 999)), []);
  assert.deepEqual(values(filter.pass([], 1000)), [3]);
  assert.deepEqual(values(filter.pass([at(4)], 1500)), []);
  assert.deepEqual(values(filter.flush()), [4]);
  assert.deepEqual(values(filter.pass([], 3000)), []);
});

test("what is held back is over when the point has the value again that the host knows", () => {
  const deadbands = [{ points: [/Temp/], absolute: 1 }];
  const filter = new ChangeFilter<PointChange>({ ...settings, deadbands, minimumIntervalMs: 1000 });
  assert.deepEqual(values(filter.pass([at(10)], 0)), [10]);
  assert.deepEqual(values(filter.pass([at(20)], 100)), []);
  assert.deepEqual(values(filter.pass([at(10.2)], 200)), []);
  assert.deepEqual(values(filter.pass([], 2000)), [], "the host has 10, and so has the point");
});
