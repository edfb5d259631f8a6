// Durations in buckets of a quarter of an octave: bucket i counts those from 2^(i/4) to 2^((i+1)/4) us. What is shorter than 1 us, or
// negative because two clocks disagree, counts in the first bucket, what is longer than the last in the last.

import { durationBuckets } from "./layout.ts";

const quarters = [2 ** 0.25, 2 ** 0.5, 2 ** 0.75] as const;

export function bucketOf(durationUs: number): number {
  if (durationUs <= 1) return 0;
  if (durationUs >= 2 ** 31) return durationBuckets - 1;
  // A logarithm for each changed value of a poll would cost more than all the rest of its publication.
  const octave = 31 - Math.clz32(durationUs);
  const mantissa = durationUs / 2 ** octave;
  const quarter = Number(mantissa >= quarters[0]) + Number(mantissa >= quarters[1]) + Number(mantissa >= quarters[2]);
  return Math.min(durationBuckets - 1, 4 * octave + quarter);
}

/** Upper end of a bucket. */
export function bucketEndUs(bucket: number): number {
  return 2 ** ((bucket + 1) / 4);
}
