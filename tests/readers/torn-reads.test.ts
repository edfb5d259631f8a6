// The short form, of the reader that needs no compiler and no Python; readers.interop.ts has the others, torn-reads.long.ts the numbers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readAtFullSpeed } from "./torn-reads.ts";

test(
  "a reader in another process sees no mixture while the writer runs at full speed",
  { timeout: 200_000 },
  async () => {
    const [seen] = await readAtFullSpeed({ Node: 100_000 }, "checked");
    assert.equal(seen?.torn, 0);
    assert.equal(seen.whole, 100_000);
  },
);

test("counter-test: without the look at the counters it sees some", { timeout: 200_000 }, async () => {
  let torn = 0;
  while (torn === 0) torn = (await readAtFullSpeed({ Node: 100_000 }, "unchecked"))[0]?.torn ?? 0;
});
