// Patterns for names.

import assert from "node:assert/strict";
import { test } from "node:test";
import { patternOf } from "../../packages/process/src/glob.ts";

test("a pattern has two signs of its own, and all others mean themselves", () => {
  assert.match("2:Level (m)", patternOf("2:level (?)"));
  assert.match("a\nb", patternOf("a*b"));
  assert.doesNotMatch("2:Level", patternOf("2.Level"));
  assert.doesNotMatch("2:Level2", patternOf("*Level"));
  for (const sign of String.raw`\^$.+()[]{}|/-`) assert.match(`a${sign}b`, patternOf(`a${sign}b`), sign);
  assert.match("x".repeat(100_000), patternOf("*".repeat(50)));
});
