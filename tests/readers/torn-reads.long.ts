// The full form: readers in C, Node and Python at once, so often that a gap of nanoseconds would show. Needs gcc and python3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tell } from "../../benchmarks/report.ts";
import { readAtFullSpeed } from "./torn-reads.ts";

const checked = { C: 100_000_000, Node: 10_000_000, Python: 1_000_000 };
const unchecked = { C: 1_000_000, Node: 500_000, Python: 50_000 };

test("no reader sees a mixture while the writer runs at full speed", { timeout: 40 * 60_000 }, async () => {
  const readings = await readAtFullSpeed(checked, "checked");
  tell({
    question:
      "How many mixtures of two polls do readers in C, Node and Python see, all at once, while the writer runs at full speed?",
    lines: readings.flatMap(({ language, whole, torn, lapped, seconds }) => [
      { what: `${language}: whole polls`, figure: whole, wanted: String(checked[language]) },
      { what: `${language}: mixtures`, figure: torn, wanted: "0" },
      { what: `${language}: given up after 100 attempts`, figure: lapped },
      { what: `${language}: seconds`, figure: seconds },
    ]),
    remarks: ["500 points of 32 bytes, every value a function of the round, every receive time the same"],
  });
  for (const { language, torn, whole } of readings) {
    assert.equal(torn, 0, language);
    assert.equal(whole, checked[language]);
  }
});

test("counter-test: without the look at the counters every reader sees some", { timeout: 10 * 60_000 }, async () => {
  const readings = await readAtFullSpeed(unchecked, "unchecked");
  tell({
    question: "How many would they see without looking at the counters after copying?",
    lines: readings.flatMap(({ language, whole, torn }) => [
      { what: `${language}: whole polls`, figure: whole },
      { what: `${language}: mixtures`, figure: torn, wanted: "more than 0" },
    ]),
    remarks: ["a test that found none here would prove nothing above"],
  });
  for (const { language, torn } of readings) assert.ok(torn > 0, language);
});
