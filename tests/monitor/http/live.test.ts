import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { serverOf } from "../../image/sample-image.ts";
import { Events } from "./events.ts";
import { served } from "./served.ts";

const watchdog = { timeout: 60_000 };

test("a browser gets the rows on its screen, and then only those that change", watchdog, async (t) => {
  const { port, writer } = await served(t, [serverOf("Kessel", ...Array.from({ length: 500 }, () => 0))]);
  writer.publish(0, (block) => block.setNumber(11, BuiltInType.UInt16, 1));
  const events = await Events.open(t, port, { list: "points", first: "10", count: "20" });
  const first = await events.find(({ points }) => points);
  assert.deepEqual([first.total, first.all], [500, 500]);
  assert.deepEqual(
    Object.keys(first.rows).map(Number),
    Array.from({ length: 20 }, (_, index) => index + 10),
  );
  assert.equal(first.rows[11]?.value, "1");
  writer.publish(0, (block) => block.setNumber(11, BuiltInType.UInt16, 2));
  const change = await events.find(({ points }) => (points?.rows[11]?.value === "2" ? points.rows : undefined));
  assert.deepEqual(Object.keys(change), ["11"]);
});

test("what is wrong comes by itself, with its reason, and goes when it is over", watchdog, async (t) => {
  const { port, writer } = await served(t, [serverOf("Kessel", 0)]);
  const events = await Events.open(t, port, { list: "servers", count: "10" });
  const row = await events.find(({ servers }) => servers?.rows[0]);
  assert.deepEqual([row.server, row.state], ["Kessel", "connected"]);
  writer.image.blocks[0]?.show({ connection: ConnectionState.lost, error: "nothing listens there" });
  const problem = await events.find(({ overall }) => overall?.problems.find(({ kind }) => kind === "serverLost"));
  assert.deepEqual([problem.server, problem.detail], ["Kessel", "nothing listens there"]);
  assert.notEqual(problem.since, undefined);
  const count = events.seen.length;
  writer.image.blocks[0]?.show({ connection: ConnectionState.connected });
  await events.find((changes) =>
    events.seen.indexOf(changes) >= count && changes.overall?.problems.every(({ kind }) => kind !== "serverLost")
      ? true
      : undefined,
  );
});

test("a partition that dies is told within two seconds, and nothing of it looks good any more", watchdog, async (t) => {
  const { port, writer, die } = await served(t, [serverOf("Kessel", 0)]);
  writer.publish(0, (block) => block.setNumber(0, BuiltInType.UInt16, 1));
  const events = await Events.open(t, port, { list: "points", count: "10" });
  await events.find(({ points }) => (points?.rows[0]?.quality === "good" ? true : undefined));
  const diedMs = Date.now();
  die();
  const told = await events.find((changes) => (changes.overall?.isAlive === false ? changes : undefined));
  t.diagnostic(`told after ${told.nowMs - diedMs} ms`);
  assert.ok(told.overall?.problems.length);
});

test("streams that nobody reads, and more than there is room for, cost nobody else anything", watchdog, async (t) => {
  const { port, live, writer } = await served(t, [serverOf("Kessel", ...Array.from({ length: 200 }, () => 0))]);
  const lazy = Array.from({ length: 199 }, () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    t.after(() => socket.destroy());
    socket.pause();
    socket.write("GET /live?list=points&count=200 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return socket;
  });
  await Promise.all(lazy.map(async (socket) => (socket.connecting ? await once(socket, "connect") : undefined)));
  const events = await Events.open(t, port, { list: "points", count: "1" });
  writer.publish(0, (block) => block.setNumber(0, BuiltInType.UInt16, 7));
  await events.find(({ points }) => (points?.rows[0]?.value === "7" ? true : undefined));
  while (live.viewers < 200) await new Promise(setImmediate);
  const refused = await Events.open(t, port, {});
  assert.equal(refused.status, 503);
  for (const socket of lazy) socket.destroy();
  while (live.viewers > 1) await new Promise(setImmediate);
});
