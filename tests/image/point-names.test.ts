import assert from "node:assert/strict";
import { test } from "node:test";
import { PointNames } from "../../packages/image/src/point-names.ts";

const dayMs = 86_400_000;

/** A change whose point no image names. */
function changeAt(publishedMs: number) {
  return { point: 3, generation: 2, publishedNs: BigInt(publishedMs) * 1_000_000n } as Parameters<
    PointNames["find"]
  >[0];
}

test(
  "a point that no image names is called by its number, also when the clock was set back since its change",
  { timeout: 200_000 },
  async () => {
    const names = new PointNames(`nobody_${process.pid}_image`);
    const { signal } = new AbortController();
    for (const publishedMs of [Date.now() - dayMs, Date.now() + dayMs]) {
      const point = await names.find(changeAt(publishedMs), BigInt(publishedMs), signal);
      assert.equal(point.key, "point 3 of generation 2");
    }
  },
);
