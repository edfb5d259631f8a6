import assert from "node:assert/strict";
import { test } from "node:test";
import { pageModule } from "./page-module.ts";

type Sample = readonly [timeMs: number, value: number | null, severity: number];
interface Samples {
  appended(samples: readonly Sample[], more: readonly Sample[]): readonly Sample[];
  within(samples: readonly Sample[], fromMs: number, toMs: number): readonly Sample[];
  aligned(
    series: readonly { samples: readonly Sample[]; isLive: boolean }[],
    endMs: number,
  ): readonly (readonly (number | null)[])[];
  troubles(samples: readonly Sample[], endMs: number): readonly (readonly [number, number, number])[];
  csvOf(series: readonly { name: string; unit: string }[], columns: readonly (readonly (number | null)[])[]): string;
}
const page = await pageModule<Samples>("samples.js");

test("a window begins with the value that held before it", () => {
  const samples: Sample[] = [
    [1000, 1, 0],
    [2000, 2, 0],
    [3000, 3, 0],
    [4000, 4, 0],
  ];
  assert.deepEqual(page.within(samples, 2500, 3500), [
    [2000, 2, 0],
    [3000, 3, 0],
  ]);
  assert.deepEqual(page.within(samples, 0, 1500), [[1000, 1, 0]]);
  assert.deepEqual(page.within([], 0, 1500), []);
});

test("values hold until the next change, on one axis for all, and end where nobody knows", () => {
  const one = {
    samples: [
      [1000, 1, 0],
      [3000, 3, 0],
    ] as Sample[],
    isLive: true,
  };
  const other = { samples: [[2000, null, 2]] as Sample[], isLive: true };
  const dead = { samples: [[1000, 7, 0]] as Sample[], isLive: false };
  assert.deepEqual(page.aligned([one, other, dead], 4000), [
    [1, 2, 3, 4],
    [1, 1, 3, 3],
    [null, null, null, null],
    [7, null, null, null],
  ]);
  assert.deepEqual(page.aligned([], 4000), [[]]);
});

test("times without a good status are stretches, and neighbours of one severity are one", () => {
  const samples: Sample[] = [
    [1000, 1, 0],
    [2000, null, 2],
    [3000, null, 2],
    [4000, 1, 1],
    [5000, 1, 0],
  ];
  assert.deepEqual(page.troubles(samples, 6000), [
    [2000, 4000, 2],
    [4000, 5000, 1],
  ]);
  assert.deepEqual(page.troubles([[1000, null, 2]], 6000), [[1000, 6000, 2]]);
});

test("a table is CSV, and no name in it is a formula", () => {
  const series = [
    { name: '=HYPERLINK("x")', unit: "" },
    { name: "Druck", unit: "bar" },
  ];
  assert.equal(
    page.csvOf(series, [
      [0, 1.5],
      [1, null],
      [2, 3],
    ]),
    `"time","'=HYPERLINK(""x"")","Druck [bar]"\r\n1970-01-01T00:00:00.000Z,1,2\r\n1970-01-01T00:00:01.500Z,,3\r\n`,
  );
});

test("the newest samples are kept", () => {
  const many = Array.from({ length: 20_000 }, (_, index): Sample => [index, index, 0]);
  const kept = page.appended(many, [[20_000, 1, 0]]);
  assert.deepEqual([kept.length, kept[0]?.[0], kept.at(-1)?.[0]], [20_000, 1, 20_000]);
});
