// Durations in buckets of a quarter of an octave: bucket i counts those from 2^(i/4) to 2^((i+1)/4) us. What is shorter than 1 us, or
// negative because two clocks disagree, counts in the first bucket, what is longer than the last in the last.

import { durationBuckets } from "./layout.ts";

export function bucketOf(durationUs: number): number {
  return durationUs <= 1 ? 0 : Math.min(durationBuckets - 1, Math.floor(4 * Math.log2(durationUs)));
}

/** Upper end of a bucket. */
export function bucketEndUs(bucket: number): number {
  return 2 ** ((bucket + 1) / 4);
}
