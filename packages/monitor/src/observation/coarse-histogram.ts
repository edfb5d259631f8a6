// A histogram of the image, with buckets of an octave instead of a quarter of one: exact, since four of the image's make one of ours, and small
// enough for a scrape of a thousand servers.

import { durationBuckets } from "@cpc-partition/image/layout";

export interface CoarseHistogram {
  /** One more than there are bounds: the last counts what is longer than all of them. */
  readonly counts: readonly number[];
  readonly count: number;
}

const perOctave = 4;
/** 128 us to 16.8 s. */
const firstOctave = 7;
const lastOctave = 24;

/** Upper ends in seconds. The image's bucket i ends at 2^((i+1)/4) us. */
export const boundsSeconds: readonly number[] = Array.from(
  { length: lastOctave - firstOctave + 1 },
  (_, index) => 2 ** (firstOctave + index) / 1e6,
);

/** The sum of histograms of the image. */
export function coarse(histograms: readonly Uint32Array[]): CoarseHistogram {
  const counts = Array.from({ length: boundsSeconds.length + 1 }, () => 0);
  let count = 0;
  for (const buckets of histograms) {
    for (let bucket = 0; bucket < durationBuckets; bucket++) {
      const here = buckets[bucket] ?? 0;
      if (here === 0) continue;
      const octave = Math.floor(bucket / perOctave) + 1;
      const at = Math.min(Math.max(octave - firstOctave, 0), boundsSeconds.length);
      counts[at] = (counts[at] ?? 0) + here;
      count += here;
    }
  }
  return { counts, count };
}
