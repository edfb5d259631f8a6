// The short form of journal-reads.long.ts. Needs gcc and python3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readJournals } from "./journal-reads.ts";

test("readers in three languages say of every change that they have it or lost it", { timeout: 120_000 }, async () => {
  const { readings } = await readJournals(["C", "Node", "Python"], 500_000, 64 * 4096);
  for (const { language, torn, unsaid, read } of readings) {
    assert.deepEqual({ torn, unsaid }, { torn: 0, unsaid: 0 }, language);
    assert.ok(read > 0, language);
  }
});
