import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nextBirthSequence } from "../../../../packages/bridge/src/outputs/sparkplug/birth-sequence.ts";

test("each number is one more than the last, from 0 to 255, and takes no new room on the disk", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cpc-bridge-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const numbers = Array.from({ length: 258 }, () => nextBirthSequence(folder));
  assert.deepEqual(
    numbers,
    Array.from({ length: 258 }, (_, n) => n % 256),
  );
  const file = join(folder, "bdseq");
  assert.equal(readFileSync(file, "utf8"), "1\n  ");
  writeFileSync(file, "7\n");
  assert.equal(nextBirthSequence(folder), 8);
  writeFileSync(file, "no number");
  assert.deepEqual([nextBirthSequence(folder), nextBirthSequence(folder)], [0, 1]);
});
