// The short form of killed-writers.long.ts. Needs gcc and python3.

import assert from "node:assert/strict";
import { test } from "node:test";
import { killWriters } from "./killed-writers.ts";

test(
  "readers outlive 24 killed writers, see no mixture, and find the next one each time",
  { timeout: 120_000 },
  async () => {
    const { kills, wholeReads } = await killWriters(24, 6);
    assert.equal(kills, 24);
    assert.ok(wholeReads > 0);
  },
);
