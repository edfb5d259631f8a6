import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { calmMs, LossLog, reminderMs } from "../../packages/process/src/loss-log.ts";

const iso = /\d{4}-\d\d-\d\dT[\d:.]+Z/;

function setUp() {
  const lines: string[] = [];
  let nowMs = 1_000_000;
  const log = new LossLog(
    (level, message) => void lines.push(`${level} ${message}`),
    { connected: "connected", remedy: "check the cable" },
    () => nowMs,
    () => Date.UTC(2026, 0, 1) + nowMs - 1_000_000,
  );
  const pass = (ms: number): void => void (nowMs += ms);
  const lost = (message: string, wasConnected: boolean, hasRemedy = false): boolean =>
    log.lost({ message, wasConnected, hasRemedy });
  /** Connected for a while, and lost. */
  const flap = (reason = "reset", heldMs = 1000): void => {
    log.connected();
    pass(heldMs);
    log.alive();
    lost(reason, true);
    pass(1000);
  };
  return { lines, log, pass, flap, lost };
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

test("what a connection says anew each time is logged once, and no more than a thousand such things between two calm times", () => {
  const { lines, log } = setUp();
  for (let turn = 0; turn < 2; turn++)
    for (let count = 0; count < 5000; count++) log.note("info", `the server has named itself ${count}`);
  assert.equal(lines.length, 1000);
  log.connected();
  log.note("info", "the server has named itself 4999");
  assert.deepEqual(lines.slice(1000), ["info connected", "info the server has named itself 4999"]);
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
  const { lines, pass, flap, lost } = setUp();
  for (let count = 1; count <= 6; count++) flap();
  lines.length = 0;
  flap("another reason");
  flap("another reason");
  assert.deepEqual(lines, ["warn connection lost: another reason"]);
  pass(calmMs);
  assert.deepEqual([lost("no answer", false), lost("no answer", false)], [true, false]);
  assert.deepEqual(lines.slice(1), ["warn no answer"]);
});

test("a server that stays away is recalled once a day, with since when, why and what to do", () => {
  const { lines, log, pass, lost } = setUp();
  log.connected();
  pass(1000);
  const cut = "the cable is cut";
  lost(cut, true);
  const retryUntil = (endMs: number): void => {
    for (let passedMs = 0; passedMs < endMs; passedMs += 60_000) {
      pass(60_000);
      lost(cut, false);
    }
  };
  lines.length = 0;
  retryUntil(reminderMs - 60_000);
  assert.deepEqual(lines, []);
  retryUntil(2 * reminderMs + 60_000);
  const remedy = "the cable is cut; check the cable, or take it out of the configuration";
  assert.deepEqual(
    lines,
    ["24 h", "2 d", "3 d"].map(
      (age) => `warn not connected since 2026-01-01T00:00:01.000Z, for ${age}: ${remedy}. This is repeated once a day`,
    ),
  );

  log.connected();
  lines.length = 0;
  lost(cut, true);
  pass(reminderMs - 1);
  lost(cut, false);
  assert.deepEqual(lines, ["warn connection lost: the cable is cut"], "the day begins anew with the next loss");
});

test("who was never connected is recalled, too, and a refusal with its own remedy only", () => {
  const { lines, pass, lost } = setUp();
  const refused = "its certificate is refused; run cpc cert trust AB";
  lost(refused, false, true);
  pass(5.5 * reminderMs);
  lost(refused, false, true);
  assert.deepEqual(lines.slice(1), [
    "warn not connected since 2026-01-01T00:00:00.000Z, for 6 d: its certificate is refused; run cpc cert trust AB, or take it out of the configuration. This is repeated once a day",
  ]);
  pass(0.5 * reminderMs);
  lost(refused, false, true);
  assert.equal(lines.length, 3, "days count from the loss");
});

test("what each connection says anew is logged once while it comes and goes", () => {
  const { lines, log, flap, pass } = setUp();
  const connect = (): void => {
    log.note("warn", "it does not permit that");
    flap();
  };
  for (let count = 1; count <= 100; count++) connect();
  const notes = (): number => lines.filter((line) => line === "warn it does not permit that").length;
  assert.equal(notes(), 6, "with each of the losses that are logged one by one, and the next");
  pass(calmMs);
  log.alive();
  connect();
  assert.equal(notes(), 7);
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
