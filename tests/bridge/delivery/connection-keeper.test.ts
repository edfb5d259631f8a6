import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { ConnectionKeeper } from "../../../packages/bridge/src/delivery/connection-keeper.ts";
import { provenMs, RetrySchedule } from "../../../packages/bridge/src/delivery/retry-schedule.ts";
import { OutputError, type OutputContext, type Session } from "../../../packages/bridge/src/outputs/output.ts";
import { until } from "../../until.ts";
import { openedOutput } from "../outputs/opened-output.ts";
import { RecordingOutput } from "./recording-output.ts";

test("attempts become rarer, begin anew behind a connection that held, and wait a minute for people", () => {
  const lost = new OutputError("Lost", "");
  const retry = new RetrySchedule(() => 1);
  const waits = Array.from({ length: 7 }, () => retry.after(lost, 0));
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  assert.equal(retry.after(lost, provenMs - 1), 30_000, "a connection that ends at once does not count");
  assert.equal(retry.after(lost, provenMs), 1000);
  assert.equal(retry.after(new OutputError("Refused", ""), 0), 60_000);
  assert.equal(new RetrySchedule(() => 0).after(lost, 0), 500);
});

test("one reason is logged once, and a stop ends the wait", async () => {
  const output = new RecordingOutput();
  output.isUp = false;
  const logged: string[] = [];
  const kept = { opened: () => {}, closed: () => {} };
  const log = (_level: string, message: string): number => logged.push(message);
  const keeper = new ConnectionKeeper(output, log, kept, { birthsWanted: () => {} });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  await until("the failure", () => logged.length === 1);
  stop.abort();
  await running;
  assert.match(
    logged[0] ?? "",
    /^cannot connect because the test says so; changes are kept in the queue, the next attempt is in 1 s$/,
  );
  assert.equal(keeper.reconnects, 0);
});

/** What the log has of so many attempts at a broker that treats each connection like this. */
async function loggedOf(t: TestContext, attempts: number, treat: (socket: Socket, attempt: number) => void) {
  let attempt = 0;
  const server = createServer((socket) => {
    socket.on("error", () => {});
    treat(socket, attempt++);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { output } = openedOutput(t, { type: "mqtt", address });
  const noted = async (context: OutputContext): Promise<Session> => {
    context.log("info", "this is said of each connection");
    return await output.connect(context);
  };
  // Changed credentials end every pause.
  const impatient = { name: "mqtt", connect: noted, fingerprint: () => String(attempt) };
  const logged: string[] = [];
  const log = (_level: string, message: string): number => logged.push(message);
  const kept = { opened: () => {}, closed: () => {} };
  const keeper = new ConnectionKeeper(impatient, log, kept, { birthsWanted: () => {} });
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  await until("all attempts", () => attempt >= attempts);
  stop.abort();
  await running;
  return logged.filter((text) => !text.includes("were changed"));
}

const accepted = Buffer.from([0x20, 2, 0, 0]);

test("a broker that closes every connection at once is one line of the log", async (t) => {
  const logged = await loggedOf(t, 60, (socket) => socket.end());
  assert.deepEqual(
    logged.map((text) => text.replace(/127\S+/, "X")),
    [
      "this is said of each connection",
      "the broker X closed the connection; changes are kept in the queue, the next attempt is in 1 s",
    ],
  );
});

test("one that closes them in two ways is two lines", async (t) => {
  const logged = await loggedOf(t, 60, (socket, attempt) =>
    attempt % 2 === 0 ? socket.end() : socket.resetAndDestroy(),
  );
  assert.equal(logged.length, 3, logged.join("\n"));
});

test("one that accepts them first is as many as the number of its losses has digits, and the first few", async (t) => {
  const logged = await loggedOf(t, 100, (socket) => socket.once("data", () => socket.end(accepted)));
  const count = (part: RegExp): number => logged.filter((text) => part.test(text)).length;
  assert.equal(count(/^connected to mqtt$/), 5);
  assert.equal(count(/^connection lost: .* closed the connection; changes are kept in the queue/), 4);
  assert.equal(count(/^connection lost \d+ times since \S+, now because: .*; look at the broker and its log\./), 5);
  assert.equal(logged.length, 6 + 5 + 4 + 5, logged.join("\n"));
});

test("changed credentials or certificates are taken at once, connected or waiting", async () => {
  const output = new RecordingOutput();
  let closed = 0;
  const kept = { opened: () => {}, closed: () => closed++ };
  const keeper = new ConnectionKeeper(output, () => {}, kept, { birthsWanted: () => {} }, 5);
  const connects = (): number => output.told.filter(({ what }) => what === "connect").length;
  const stop = new AbortController();
  const running = keeper.run(stop.signal);
  await until("the connection", () => connects() === 1);
  output.print = "second";
  await until("another one", () => connects() === 2);
  assert.deepEqual(
    output.told.map(({ what }) => what),
    ["connect", "end", "connect"],
  );
  output.failure = new OutputError("Refused", "cannot connect because the test refuses the login");
  output.cut();
  await until("the refusal", () => output.refusals === 1);
  output.failure = undefined;
  output.print = "third";
  await until("a third one, long before the minute is over", () => connects() === 3);
  stop.abort();
  await running;
  assert.equal(closed, 3);
});
