// The short form of killed-journals.long.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import { killJournals } from "./killed-journals.ts";

test("the journal of a killed writer is whole, and has all that the image shows", { timeout: 200_000 }, async () => {
  const { kills, changesRead } = await killJournals(5);
  assert.equal(kills, 5);
  assert.ok(changesRead > 0);
});
