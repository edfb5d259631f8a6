import assert from "node:assert/strict";
import { test } from "node:test";
import { compareWithFirst } from "../../benchmarks/comparison.ts";

/** A turn of `wallMs`, and of a quarter of that as processor time. */
function performance(name: string, ...wallMs: readonly number[]) {
  return {
    name,
    what: name,
    version: "",
    polls: 3,
    residentMiB: 10,
    turns: wallMs.map((ms) => ({ wallMs: ms, cpuMs: ms / 4 })),
  };
}

test("a row has the median of its turns, so that one bad round decides nothing", () => {
  const [ours] = compareWithFirst([performance("ours", 1, 2, 90)], new Map());
  assert.deepEqual([ours?.wallMs, ours?.cpuMs], [2, 0.5]);
});

test("a ratio is the median of the rounds' ratios to ours, not the ratio of the medians", () => {
  const [ours, other] = compareWithFirst(
    [performance("ours", 1, 10, 100), performance("other", 3, 30, 200)],
    new Map(),
  );
  assert.deepEqual(ours?.times, { wallMs: 1, cpuMs: 1 });
  assert.deepEqual(other?.times, { wallMs: 3, cpuMs: 3 });
  assert.equal(other?.wallMs, 30);
});

test("a target is met up to its figure, and missed above; without a target there is no verdict", () => {
  const rows = compareWithFirst(
    [performance("a", 2), performance("b", 2), performance("c", 2)],
    new Map([
      ["a", { figure: "wallMs", atMost: 2 }],
      ["b", { figure: "cpuMs", atMost: 0.49 }],
    ] as const),
  );
  assert.deepEqual(
    rows.map(({ verdict }) => verdict),
    ["met", "missed", undefined],
  );
});
