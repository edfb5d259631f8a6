import assert from "node:assert/strict";
import { test } from "node:test";
import { ExpiryWarnings } from "../../../packages/partition/src/certificates/expiry-warnings.ts";

const dayMs = 86_400_000;

test("a certificate's end is told at 30, 7 and 1 days, once each, and for each certificate apart", () => {
  const warnings = new ExpiryWarnings();
  const endsMs = 1000 * dayMs;
  const due = (fingerprint: string, nowMs: number): number | undefined => warnings.due({ fingerprint, endsMs }, nowMs);
  const logged: number[] = [];
  for (let hour = -40 * 24; hour <= 24; hour++) {
    const left = due("a", endsMs + hour * (dayMs / 24));
    if (left !== undefined) logged.push(left);
  }
  assert.deepEqual(logged, [30, 7, 1]);
  assert.equal(due("b", endsMs - 2.5 * dayMs), 2);
  assert.equal(due("b", endsMs - 2.4 * dayMs), undefined);
  assert.equal(due("c", endsMs + dayMs), -1);
});
