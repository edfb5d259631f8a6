import assert from "node:assert/strict";
import { test } from "node:test";
import { bucketEndUs, bucketOf } from "../../../packages/image/src/duration-histogram.ts";
import { durationBuckets } from "../../../packages/image/src/layout.ts";
import { boundsSeconds, coarse, coarser } from "../../../packages/monitor/src/observation/coarse-histogram.ts";

test("each duration counts below the bound that it lies below, and nothing is lost", () => {
  for (const durationUs of [0.1, 1.5, 127, 129, 1000, 1500, 16_000, 1e6, 17e6, 1e9]) {
    const buckets = new Uint32Array(durationBuckets);
    buckets[bucketOf(durationUs)] = 3;
    const { counts, count } = coarser(coarse([buckets]));
    const at = counts.indexOf(3);
    const upperUs = (boundsSeconds[at] ?? Infinity) * 1e6;
    const lowerUs = (boundsSeconds[at - 1] ?? 0) * 1e6;
    assert.ok(durationUs <= upperUs && durationUs >= lowerUs, `${durationUs} us in ${lowerUs} to ${upperUs}`);
    assert.equal(count, 3);
    assert.equal(counts.length, boundsSeconds.length + 1);
  }
});

test("the image's buckets end where ours end, and histograms add up", () => {
  const ends = Array.from({ length: durationBuckets }, (_, bucket) => bucketEndUs(bucket) / 1e6);
  for (const bound of boundsSeconds)
    assert.ok(
      ends.some((end) => Math.abs(end / bound - 1) < 1e-9),
      `${bound}`,
    );
  const all = new Uint32Array(durationBuckets).fill(1);
  const { counts, count } = coarser(coarse([all, all]));
  assert.equal(count, 2 * durationBuckets);
  assert.equal(
    counts.reduce((sum, one) => sum + one, 0),
    count,
  );
});
