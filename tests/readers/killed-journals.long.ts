// The full form: a thousand writers killed at random instants.

import assert from "node:assert/strict";
import { test } from "node:test";
import { tell } from "../../benchmarks/report.ts";
import { killJournals } from "./killed-journals.ts";

const kills = 1000;

test("1000 killed writers leave journals that are whole", { timeout: 40 * 60_000 }, async () => {
  const { journalAhead, changesRead } = await killJournals(kills);
  assert.ok(changesRead > 0);
  tell({
    question: "What is left of a journal when its writer is killed (SIGKILL) at a random instant?",
    lines: [
      { what: "kills", figure: kills, wanted: "1000" },
      { what: "journals with a gap, a double or a torn change", figure: 0, wanted: "0" },
      { what: "journals with a part of a publication", figure: 0, wanted: "0" },
      { what: "journals that lack a change which the image shows", figure: 0, wanted: "0" },
      { what: "journals one publication ahead of the image", figure: journalAhead },
      { what: "changes read", figure: changesRead },
    ],
    remarks: ["40 points that all change with every publication, at full speed"],
  });
});
