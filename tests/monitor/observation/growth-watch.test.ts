import assert from "node:assert/strict";
import { test } from "node:test";
import { GrowthWatch } from "../../../packages/monitor/src/observation/growth-watch.ts";

function watched() {
  let nowMs = Date.UTC(2026, 0, 1);
  const iso = (): string => new Date(nowMs).toISOString();
  return { watch: new GrowthWatch(() => nowMs), iso, pass: (ms: number) => (nowMs += ms) };
}

test("a counter is news while it grows, from where it stood at the first look, and rests after five minutes", () => {
  const { watch, iso, pass } = watched();
  assert.equal(watch.growth("a", 7), undefined);
  pass(1000);
  const since = iso();
  assert.deepEqual(watch.growth("a", 9), { by: 2, since });
  pass(200_000);
  assert.deepEqual(watch.growth("a", 10), { by: 3, since });
  pass(299_000);
  assert.deepEqual(watch.growth("a", 10), { by: 3, since });
  pass(2000);
  assert.equal(watch.growth("a", 10), undefined);
  assert.deepEqual(watch.growth("a", 11), { by: 1, since: iso() }, "a new episode");
});

test("a counter that shrinks belongs to another run", () => {
  const { watch } = watched();
  watch.growth("a", 5);
  watch.growth("a", 6);
  assert.equal(watch.growth("a", 1), undefined);
});

test("a problem began when it was first seen, unless the monitor found it there", () => {
  const { watch, iso, pass } = watched();
  assert.equal(watch.since("old"), undefined);
  watch.endLook();
  pass(1000);
  const since = iso();
  assert.equal(watch.since("new"), since);
  assert.equal(watch.since("old"), undefined);
  watch.endLook();
  pass(1000);
  assert.equal(watch.since("new"), since);
  watch.endLook();
  watch.endLook();
  pass(1000);
  assert.equal(watch.since("old"), iso(), "it was over, and is back");
});

test("a server failed last by the kind that was counted last", () => {
  const { watch } = watched();
  assert.equal(watch.lastGrown("A", { Timeout: 3, ConnectionFailed: 2 }), undefined, "nobody knows");
  assert.equal(watch.lastGrown("A", { Timeout: 3, ConnectionFailed: 3 }), "ConnectionFailed");
  assert.equal(watch.lastGrown("A", { Timeout: 3, ConnectionFailed: 3 }), "ConnectionFailed");
  assert.equal(watch.lastGrown("A", { Timeout: 4, ConnectionFailed: 3 }), "Timeout");
  assert.equal(watch.lastGrown("B", { SecurityRefused: 1, Stopped: 9 }), "SecurityRefused", "the only one");
  assert.equal(watch.lastGrown("C", {}), undefined);
});
