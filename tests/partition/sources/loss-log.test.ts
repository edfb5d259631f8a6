import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { calmMs, LossLog } from "../../../packages/partition/src/sources/loss-log.ts";
import { ServerError } from "../../../packages/partition/src/sources/server-error.ts";

const iso = /\d{4}-\d\d-\d\dT[\d:.]+Z/;

function setUp() {
  const lines: string[] = [];
  let nowMs = 1_000_000;
  const log = new LossLog(
    (level, message) => void lines.push(`${level} ${message}`),
    "A",
    () => nowMs,
  );
  const pass = (ms: number): void => void (nowMs += ms);
  /** Connected for a while, and lost. */
  const flap = (reason = "reset", heldMs = 1000): void => {
    log.connected();
    pass(heldMs);
    log.alive();
    log.lost(new ServerError("ConnectionFailed", "A", reason), true, 1000);
    pass(1000);
  };
  return { lines, log, pass, flap };
}

test("the first losses are logged one by one, then the count and since when, at ever longer distances", () => {
  const { lines, flap } = setUp();
  for (let count = 1; count <= 100; count++) flap();
  assert.deepEqual(
    lines.slice(0, 8),
    Array.from({ length: 4 }, () => ["info connected", "warn connection lost: reset"]).flat(),
  );
  // The last single loss is followed by one more "connected".
  const counts = lines
    .slice(9)
    .map((line) => /^warn connection lost (\d+) times since (\S+), now because: reset; /.exec(line));
  assert.deepEqual(
    counts.map((found) => found?.[1]),
    ["5", "10", "20", "40", "80"],
  );
  assert.match(counts[0]?.[2] ?? "", iso);
  assert.equal(new Set(counts.map((found) => found?.[2])).size, 1);
});

test("once it has held long enough the log says so, and the next loss is one like the first", () => {
  const { lines, log, pass, flap } = setUp();
  for (let count = 1; count <= 7; count++) flap();
  lines.length = 0;
  log.connected();
  pass(calmMs - 1);
  log.alive();
  assert.deepEqual(lines, []);
  pass(1);
  log.alive();
  log.alive();
  assert.match(lines.join("\n"), /^info connected for 10 minutes, after 7 losses since \S+$/);
  flap("reset", 1);
  assert.deepEqual(lines.slice(1), ["info connected", "warn connection lost: reset"]);
});

test("single losses with calm times between them are always logged", () => {
  const { lines, flap } = setUp();
  for (let count = 1; count <= 20; count++) flap("reset", calmMs);
  assert.equal(lines.filter((line) => line === "warn connection lost: reset").length, 20);
});

test("a new reason is logged while the connection comes and goes, and a server that stays away is reported again", () => {
  const { lines, log, pass, flap } = setUp();
  for (let count = 1; count <= 6; count++) flap();
  lines.length = 0;
  flap("another reason");
  flap("another reason");
  assert.deepEqual(lines, ["warn connection lost: another reason"]);
  pass(calmMs);
  log.lost(new ServerError("Timeout", "A", "no answer"), false, 1000);
  log.lost(new ServerError("Timeout", "A", "no answer"), false, 1000);
  assert.deepEqual(lines.slice(1), ["warn no answer"]);
});

test("whatever a server does for days, the records stay few and short", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { minLength: 2000, maxLength: 2000 }), (held) => {
      const { lines, flap } = setUp();
      for (const [index, ms] of held.entries()) flap(`reason ${index} ${"x".repeat(20_000)}`, ms);
      assert.ok(lines.length < 60, String(lines.length));
      for (const line of lines) assert.ok(line.length < 2000);
    }),
    { numRuns: 2 },
  );
});
