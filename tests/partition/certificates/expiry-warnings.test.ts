import assert from "node:assert/strict";
import { test } from "node:test";
import { ExpiryWarnings } from "../../../packages/partition/src/certificates/expiry-warnings.ts";

const dayMs = 86_400_000;

test("a certificate's end is told at 30, 7 and 1 days, once each, and for each certificate apart", () => {
  const warnings = new ExpiryWarnings();
  const endMs = 1000 * dayMs;
  const logged: number[] = [];
  for (let hour = -40 * 24; hour <= 24; hour++) {
    const left = warnings.due("a", endMs, endMs + hour * (dayMs / 24));
    if (left !== undefined) logged.push(left);
  }
  assert.deepEqual(logged, [30, 7, 1]);
  assert.equal(warnings.due("b", endMs, endMs - 2.5 * dayMs), 2);
  assert.equal(warnings.due("b", endMs, endMs - 2.4 * dayMs), undefined);
  assert.equal(warnings.due("c", endMs, endMs + dayMs), -1);
});
