import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { SignInDesk } from "../../../packages/monitor/src/access/sign-in.ts";
import { addUser, removeUser } from "../../../packages/monitor/src/access/users-file.ts";
import { serverOf } from "../../image/sample-image.ts";
import { Events } from "./events.ts";
import { served } from "./served.ts";

const watchdog = { timeout: 200_000 };

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

test("a stream ends when the users change: a removed one gets nothing more", watchdog, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const users = join(folder, "users.txt");
  for (const name of ["anna", "bert"]) await addUser(users, name, "a long password");
  const { port } = await served(t, [serverOf("Kessel", 0)], { desk: new SignInDesk(users) });
  const open = async (name: string): Promise<Events> =>
    await Events.open(t, port, { list: "points", count: "10" }, `${name}:a long password`);
  const streams = [await open("anna"), await open("bert")];
  for (const stream of streams) await stream.find(({ points }) => points);
  removeUser(users, "anna");
  for (const stream of streams) await stream.ended();
  assert.equal((await Events.open(t, port, {}, "anna:a long password")).status, 401);
  assert.equal((await Events.open(t, port, {}, "bert:a long password")).status, 200);
});

test("who goes away while the password is checked leaves no stream behind", watchdog, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const users = join(folder, "users.txt");
  await addUser(users, "anna", "a long password");
  const desk = new SignInDesk(users);
  const { port, live } = await served(t, [serverOf("Kessel", 0)], { desk });
  const judge = t.mock.method(desk, "judge");
  const sent = request({ host: "127.0.0.1", port, path: "/live", auth: "anna:a long password", agent: false });
  sent.on("error", () => {});
  sent.end();
  while (judge.mock.callCount() === 0) await new Promise(setImmediate);
  sent.destroy();
  await judge.mock.calls[0]?.result;
  const stream = await Events.open(t, port, {}, "anna:a long password");
  assert.deepEqual([stream.status, live.viewers], [200, 1]);
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
