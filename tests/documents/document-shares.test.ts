import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { shareOut } from "../../packages/documents/src/document-shares.ts";

const point = fc.record({ bare: fc.integer({ min: 60, max: 3000 }), description: fc.integer({ min: 0, max: 200 }) });
const need = fc.array(fc.option(point, { nil: undefined }), { maxLength: 20 }).map((points) => ({
  whole: points.map((each) => (each === undefined ? 0 : each.bare + each.description)),
  bare: points.map((each) => each?.bare ?? 0),
}));

test("what is kept always fits, and each group keeps what its share holds", () => {
  fc.assert(
    fc.property(fc.array(need, { maxLength: 6 }), fc.nat(60_000), (needs, spareBytes) => {
      const { kept } = shareOut(needs, spareBytes);
      const bytes = kept.map((group, at) =>
        group.reduce((sum, how, index) => {
          const all = needs[at]!;
          return sum + (how === "whole" ? all.whole[index]! : how === "bare" ? all.bare[index]! : 0);
        }, 0),
      );
      assert.ok(bytes.reduce((sum, each) => sum + each, 0) <= spareBytes);
      assert.deepEqual(
        kept.map(({ length }) => length),
        needs.map(({ whole }) => whole.length),
      );
    }),
  );
});

test("descriptions go before points, and what one group does not need the others get", () => {
  const short = { whole: [100, 100], bare: [60, 60] };
  const long = { whole: [400, 400], bare: [300, 300] };
  assert.deepEqual(shareOut([short, long], 1000), {
    kept: [
      ["whole", "whole"],
      ["whole", "whole"],
    ],
    isTight: false,
  });
  assert.deepEqual(shareOut([short, long], 900).kept, [
    ["whole", "whole"],
    ["bare", "bare"],
  ]);
  assert.deepEqual(shareOut([short, long], 600).kept, [
    ["whole", "whole"],
    ["bare", "missing"],
  ]);
});
