import assert from "node:assert/strict";
import { test } from "node:test";
import { benchPage } from "../../benchmarks/bench-page.ts";
import { costPicture } from "../../benchmarks/cost-picture.ts";

const costs = [
  { panel: "values", series: "Modbus TCP", count: 1000, usPerValue: 2, residentMiB: 90 },
  { panel: "values", series: "Modbus TCP", count: 100_000, usPerValue: 0.5, residentMiB: 250 },
  { panel: "servers", series: "Modbus TCP", count: 1000, usPerValue: 20, residentMiB: 200 },
] as const;

test("every row of the page has the figures under their heads, with the verdict", () => {
  const row = { name: "image", what: "ours", version: "", residentMiB: 91.4, polls: 9, times: { wallMs: 1, cpuMs: 1 } };
  const page = benchPage({
    how: "a machine",
    contests: [
      {
        title: "1000 registers",
        rows: [
          { ...row, wallMs: 0.5, cpuMs: 0.25, target: { figure: "cpuMs", atMost: 0.3 }, verdict: "met" },
          { ...row, what: "theirs", version: "1.2", wallMs: 5, cpuMs: 2, times: { wallMs: 10, cpuMs: 8 } },
        ],
      },
    ],
    answers: [],
    costs,
  });
  const cells = page.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  assert.ok(
    cells.some((line) => line.join("|") === "|ours|0.500|1|0.250|1|91|0.3 ms CPU|met|"),
    page,
  );
  assert.ok(
    cells.some((line) => line.join("|") === "|theirs (1.2)|5|10|2|8|91|||"),
    page,
  );
  assert.ok(
    cells.some((line) => line.join("|") === "|Modbus TCP, 100,000 values each second|0.500|250|"),
    page,
  );
});

test("the picture puts a cheaper value lower and more values further to the right, on axes of whole decades", () => {
  const picture = costPicture(costs);
  const points = Array.from(picture.matchAll(/<circle class="first" cx="([\d.]+)" cy="([\d.]+)"/g), ([, x, y]) => [
    Number(x),
    Number(y),
  ]);
  const [few = [], many = [], servers = []] = points;
  assert.equal(points.length, 3);
  assert.ok((few[0] ?? 0) < (many[0] ?? 0));
  assert.ok((few[1] ?? 0) < (many[1] ?? 0), "y grows downwards");
  assert.ok((servers[1] ?? 0) < (few[1] ?? 0));
  for (const decade of ["0.1", "1", "10", "100"]) assert.ok(picture.includes(`>${decade}</text>`), decade);
});
