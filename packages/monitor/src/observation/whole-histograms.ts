// The histograms of an image without an end. Their words have 32 bits and come round: that of changed values after half a day where 100,000 of
// them change each second. A counter of a metric must not go back, so what came round is added here.
//
// Promises: exact where a histogram is looked at before one of its words has come round twice, which takes an hour at a million changes a second.

import type { Histogram, ImageReader } from "@cpc-partition/image";

interface Counted {
  last: Uint32Array;
  readonly whole: Float64Array;
}

type Histograms = Pick<ImageReader, "histogram">;

export class WholeHistograms {
  /** Another image counts anew. */
  readonly #counted = new WeakMap<Histograms, Map<string, Counted>>();

  of(image: Histograms, groupIndex: number, name: Histogram): Float64Array {
    const now = image.histogram(groupIndex, name);
    const ofImage = this.#counted.get(image) ?? new Map<string, Counted>();
    this.#counted.set(image, ofImage);
    const key = `${groupIndex} ${name}`;
    const before = ofImage.get(key);
    if (before === undefined) {
      const whole = Float64Array.from(now);
      ofImage.set(key, { last: now, whole });
      return whole;
    }
    for (const [bucket, count] of now.entries())
      before.whole[bucket]! += (count - (before.last[bucket] as number)) >>> 0;
    before.last = now;
    return before.whole;
  }
}
