// A histogram of the image with coarser buckets, an octave or two instead of a quarter of one: exact, since the image's buckets end where ours
// do, and small enough for the page and for a scrape of a thousand servers.

import { durationBuckets } from "@cpc-partition/image/layout";

export interface CoarseHistogram {
  /** One more than there are bounds: the last counts what is longer than all of them. */
  readonly counts: readonly number[];
  readonly count: number;
}

const perOctave = 4;
/** The bounds of a metric are two octaves apart: a thousand servers have a series for each. */
const octavesApart = 2;
/** 128 us to 16.8 s. */
const firstOctave = 7;
const lastOctave = 24;

const octaves = lastOctave - firstOctave + 1;

/** Upper ends of the buckets of a metric, in seconds. */
export const boundsSeconds: readonly number[] = Array.from(
  { length: octaves / octavesApart },
  (_, index) => 2 ** (firstOctave + octavesApart * index + octavesApart - 1) / 1e6,
);

/** For each bucket of the image, the octave that it is in. */
const placeOf = Array.from({ length: durationBuckets }, (_, bucket) =>
  Math.min(Math.max(Math.floor(bucket / perOctave) + 1 - firstOctave, 0), octaves),
);

/** The sum of histograms of the image, an octave for each bucket. The image's bucket i ends at 2^((i+1)/4) us. */
export function coarse(histograms: readonly (Uint32Array | Float64Array)[]): CoarseHistogram {
  const counts = Array.from({ length: octaves + 1 }, () => 0);
  let count = 0;
  for (const buckets of histograms) {
    for (let bucket = 0; bucket < durationBuckets; bucket++) {
      const here = buckets[bucket] ?? 0;
      if (here === 0) continue;
      const at = placeOf[bucket] as number;
      counts[at] = (counts[at] ?? 0) + here;
      count += here;
    }
  }
  return { counts, count };
}

/** The same with the bounds of a metric. */
export function coarser({ counts, count }: CoarseHistogram): CoarseHistogram {
  const pairs = boundsSeconds.map(
    (_, index) => (counts[octavesApart * index] ?? 0) + (counts[octavesApart * index + 1] ?? 0),
  );
  return { counts: [...pairs, counts[octaves] ?? 0], count };
}
