import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "../fuzzing/random.ts";
import { slopeOf } from "./slope.ts";

const mebibyte = 2 ** 20;
const hourMs = 3_600_000;

/** Every ten seconds of an hour: 200 MiB, what is collected now and then, and `leak` per hour. */
function samples(leakBytes: number, warmUpBytes = 0) {
  const random = new Random(1, 1);
  return Array.from({ length: 360 }, (_, index) => {
    const share = index / 360;
    const garbageBytes = ((index % 7) / 7) * 20 * mebibyte + random.below(mebibyte);
    const warmBytes = share < 0.2 ? warmUpBytes * (share / 0.2 - 1) : 0;
    return { atMs: share * hourMs, value: 200 * mebibyte + garbageBytes + warmBytes + leakBytes * share };
  });
}

test("a leak of 4 MiB an hour is found under 20 MiB of garbage", () => {
  const slope = slopeOf(samples(4 * mebibyte));
  assert.equal(slope?.isUpward, true);
  assert.ok(slope.lowPerHour < 4 * mebibyte && slope.highPerHour > 4 * mebibyte, JSON.stringify(slope));
});

test("garbage alone does not grow, and neither does what only warms up", () => {
  assert.equal(slopeOf(samples(0))?.isUpward, false);
  assert.equal(slopeOf(samples(0, 100 * mebibyte))?.isUpward, false);
});

test("one descriptor lost every ten minutes is found among those that come and go", () => {
  const descriptors = samples(0).map(({ atMs }, index) => ({
    atMs,
    value: 69 + Math.floor(index / 60) + (index % 5 === 0 ? 3 : 0),
  }));
  assert.equal(slopeOf(descriptors)?.isUpward, true);
});

test("nothing is said about too few samples, or too short a time", () => {
  assert.equal(slopeOf(samples(4 * mebibyte).slice(0, 170)), undefined);
  assert.equal(slopeOf(samples(0).filter((_, index) => index % 50 === 0)), undefined);
  assert.equal(slopeOf([]), undefined);
});
