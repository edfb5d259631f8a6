// The full form: 10^8 changes, and eight readers of them at full speed. Needs gcc and python3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tell } from "../../benchmarks/report.ts";
import { readJournals } from "./journal-reads.ts";
import { readUnchecked } from "./journal-unchecked.ts";

const changes = 100_000_000;
const languages = ["C", "C", "C", "C", "Node", "Node", "Python", "Python"] as const;

test(
  "eight readers of 10^8 changes see no torn one, and know of each that they lost",
  { timeout: 60 * 60_000 },
  async () => {
    const { readings, seconds } = await readJournals(languages, changes, 16 * 2 ** 20 - 4096);
    const all = (of: "read" | "lost" | "torn" | "unsaid"): number => readings.reduce((sum, one) => sum + one[of], 0);
    tell({
      question: "What do eight readers make of a journal whose writer appends 10^8 changes at full speed?",
      lines: [
        { what: "changes written", figure: changes, wanted: "100000000" },
        { what: "torn changes", figure: all("torn"), wanted: "0" },
        { what: "losses that a reader did not report", figure: all("unsaid"), wanted: "0" },
        ...readings.map(({ language, read }, index) => ({
          what: `reader ${index + 1}, ${language}: changes read`,
          figure: read,
        })),
        ...readings.map(({ language, lost }, index) => ({
          what: `reader ${index + 1}, ${language}: reported as lost`,
          figure: lost,
        })),
        { what: "seconds", figure: seconds },
      ],
      remarks: [
        "16 MiB; changes of 64 to 96 bytes, each judged by its number; for each reader read and lost add up to what was written",
        "nine processes on the cores of the machine: a reader that does not get one is slower than the ring",
      ],
    });
    assert.deepEqual([all("torn"), all("unsaid")], [0, 0]);
    assert.ok(
      readings.some(({ lost }) => lost > 0),
      "some are slower than the ring",
    );
  },
);

test(
  "counter-test: a reader that does not look at what is reserved sees torn changes",
  { timeout: 10 * 60_000 },
  async () => {
    const { whole, torn } = await readUnchecked(16 * 4096);
    tell({
      question: "What would a reader of a journal see that does not look at what the writer has reserved?",
      lines: [
        { what: "whole changes", figure: whole },
        { what: "torn changes", figure: torn, wanted: "more than 0" },
      ],
      remarks: ["a test that found none here would prove nothing above"],
    });
    assert.ok(torn > 0);
  },
);
