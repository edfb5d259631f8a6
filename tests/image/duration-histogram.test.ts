import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { bucketEndUs, bucketOf } from "../../packages/image/src/duration-histogram.ts";
import { durationBuckets } from "../../packages/image/src/layout.ts";

test("a duration lies between the ends of its bucket", () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 2 ** 28 - 1, noNaN: true }), (durationUs) => {
      const bucket = bucketOf(durationUs);
      assert.ok(durationUs < bucketEndUs(bucket), `${durationUs} us in bucket ${bucket}`);
      assert.ok(bucket === 0 || durationUs >= bucketEndUs(bucket - 1), `${durationUs} us in bucket ${bucket}`);
    }),
    { numRuns: 2000 },
  );
});

for (const [durationUs, bucket] of [
  [-5, 0],
  [0, 0],
  [1, 0],
  [2 ** 0.25, 1],
  [2, 4],
  [1e6, 79],
  [2 ** 28, durationBuckets - 1],
  [2 ** 40, durationBuckets - 1],
  [Infinity, durationBuckets - 1],
] as const)
  test(`${durationUs} us counts in bucket ${bucket}`, () => {
    assert.equal(bucketOf(durationUs), bucket);
  });
