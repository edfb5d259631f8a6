import assert from "node:assert/strict";
import { test } from "node:test";
import { PollsInFlight } from "../../../packages/partition/src/sources/polls-in-flight.ts";

test("of polls that want to begin at one instant some do in each turn of the event loop, in their order, and none is left out", async () => {
  const polls = new PollsInFlight(() => 0, 1000, 2);
  const begun: number[] = [];
  const servers = Array.from({ length: 200 }, (_, server) => server);
  for (const server of servers) polls.begin({}, () => begun.push(server));
  const counts = [begun.length];
  while (begun.length < servers.length) {
    await new Promise(setImmediate);
    counts.push(begun.length);
  }
  assert.deepEqual(begun, servers);
  const most = counts[0] ?? 0;
  assert.ok(most > 0 && most < 100, `${most} at once`);
  for (const [turn, count] of counts.entries()) assert.ok(count <= (turn + 1) * most, `${count} by turn ${turn}`);
  // They have had their turn long ago: the next one need not wait.
  await new Promise(setImmediate);
  polls.begin({}, () => begun.push(200));
  assert.equal(begun.at(-1), 200);
});

test("no poll begins while what was read is not taken, and each does afterwards", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let isBehind = true;
  const polls = new PollsInFlight(
    () => 0,
    1000,
    2,
    () => isBehind,
  );
  const begun: number[] = [];
  const begin = (server: number): void => polls.begin({}, () => begun.push(server));
  [1, 2, 3].forEach(begin);
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(setImmediate);
    t.mock.timers.tick(10);
  }
  assert.deepEqual(begun, []);
  isBehind = false;
  begin(4);
  t.mock.timers.tick(10);
  while (begun.length < 4) await new Promise(setImmediate);
  assert.deepEqual(begun, [1, 2, 3, 4]);
});

test("what a server sends by itself waits until what was read is taken, and not otherwise", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let isBehind = false;
  const polls = new PollsInFlight(
    () => 0,
    1000,
    2,
    () => isBehind,
  );
  assert.equal(polls.room(), undefined);
  isBehind = true;
  let rooms = 0;
  for (let messages = 0; messages < 2; messages++) void polls.room()?.then(() => rooms++);
  for (let turn = 0; turn < 5; turn++) {
    await new Promise(setImmediate);
    t.mock.timers.tick(10);
  }
  assert.equal(rooms, 0);
  isBehind = false;
  t.mock.timers.tick(10);
  await new Promise(setImmediate);
  assert.equal(rooms, 2);
});
