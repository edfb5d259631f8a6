import assert from "node:assert/strict";
import { test } from "node:test";
import { dateOf } from "../../../packages/image/src/values/date-time.ts";

test("the ticks of a DateTime become a date, and the ends of their range those of the standard", () => {
  for (const [ticks, text] of [
    [133_485_408_000_000_000n, "2024-01-01T00:00:00.000Z"],
    [133_485_408_001_239_999n, "2024-01-01T00:00:00.123Z"],
    [116_444_735_999_999_999n, "1969-12-31T23:59:59.999Z"],
    [0n, "1601-01-01T00:00:00.000Z"],
    [-(2n ** 63n), "1601-01-01T00:00:00.000Z"],
    [2n ** 63n - 1n, "9999-12-31T23:59:59.000Z"],
  ] as const)
    assert.equal(dateOf(ticks).toISOString(), text);
});
