// The short form, of the reader that needs no compiler and no Python; killed-writers.interop.ts has the others, killed-writers.long.ts the
// numbers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { killWriters } from "./killed-writers.ts";

test(
  "a reader outlives killed writers, sees no mixture, and finds the next one each time",
  { timeout: 200_000 },
  async () => {
    const { kills, wholeReads } = await killWriters(8, 4, ["Node"]);
    assert.equal(kills, 8);
    assert.ok(wholeReads > 0);
  },
);
