import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionKeeper } from "../../../packages/bridge/src/delivery/connection-keeper.ts";
import { provenMs, RetrySchedule } from "../../../packages/bridge/src/delivery/retry-schedule.ts";
import { OutputError } from "../../../packages/bridge/src/outputs/output.ts";
import { until } from "../../until.ts";
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
