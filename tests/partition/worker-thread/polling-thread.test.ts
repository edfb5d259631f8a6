// What the service's thread does with the reports of a polling thread, in an order that a real one has only by chance.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import type { Worker } from "node:worker_threads";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { monotonicMs } from "../../../packages/process/src/schedule.ts";
import { sharedBytes, SharedWords } from "../../../packages/partition/src/worker-thread/polling-messages.ts";
import type {
  MessageToPolling,
  PollingReport,
} from "../../../packages/partition/src/worker-thread/polling-messages.ts";
import { PollingThread } from "../../../packages/partition/src/worker-thread/polling-thread.ts";
import { PollRecorder } from "../../../packages/partition/src/worker-thread/recorded-poll.ts";
import { imageOf, serverOf } from "../../image/sample-image.ts";
import { recordingLog, TestSource } from "../sources/test-source.ts";

/** A thread that does nothing but what the test reports in its name. */
class ScriptedWorker extends EventEmitter {
  readonly messages: MessageToPolling[] = [];

  timesTerminated = 0;

  postMessage(message: MessageToPolling): void {
    this.messages.push(message);
  }

  terminate(): Promise<number> {
    this.timesTerminated++;
    return Promise.resolve(1);
  }
}

function served(description = serverOf("a", 8)) {
  const worker = new ScriptedWorker();
  const shared = new SharedWords(new SharedArrayBuffer(sharedBytes));
  const { lines, log } = recordingLog();
  const failures: unknown[] = [];
  let changes = 0;
  const waits: Promise<void>[] = [];
  const changed = async (): Promise<void> => {
    changes++;
    await waits.shift();
  };
  const failed = (error: unknown) => void failures.push(error);
  const thread = new PollingThread(worker as unknown as Worker, "opcua-2", shared, { log, changed }, failed);
  const findings: unknown[] = [];
  const source = Object.assign(new TestSource("a", "x"), {
    known: () => "known",
    addFinding: (finding: unknown) => void findings.push(finding),
  });
  const { writer, reader } = imageOf(description);
  const loop = thread.loopOf(source, Buffer.of(), writer.blocks[0]!);
  let hasEnded = false;
  void loop.run().then(() => (hasEnded = true));
  const shown = () => ({ ...reader.snapshot(0)!.reading(0), connection: reader.serverState(0)!.connection });
  const report = (...reports: readonly PollingReport[]): void => {
    shared.sent(reports.length);
    worker.emit("message", reports);
  };
  return {
    worker,
    thread,
    shared,
    report,
    waits,
    loop,
    findings,
    shown,
    reader,
    lines,
    failures,
    changes: () => changes,
    hasEnded: () => hasEnded,
  };
}

function published(text: string): PollingReport {
  const recorder = new PollRecorder();
  recorder.begin();
  recorder.setValue(0, { type: BuiltInType.String, value: text }, StatusCode.Good);
  const { connected: connection } = ConnectionState;
  return { kind: "published", server: 0, group: 0, poll: recorder.take(), connection, durationMs: 1 };
}

const connected: PollingReport = { kind: "shown", server: 0, state: { connection: ConnectionState.connected } };

test("a server that was told to stop stays shown as stopped, whatever was on its way", () => {
  const { report, loop, shown } = served();
  report(connected, published("first"));
  assert.equal(shown().value, "first");
  loop.stop();
  report(published("late"), connected);
  const { value, status, connection } = shown();
  assert.deepEqual([value, status, connection], ["first", StatusCode.BadShutdown, ConnectionState.stopped]);
});

test("what a server that was told to stop has still found out is kept, and then it has ended", async () => {
  const { worker, report, loop, findings, hasEnded } = served();
  report({ kind: "found", server: 0, finding: 1, isOfPoints: false });
  loop.stop();
  loop.stop();
  report({ kind: "found", server: 0, finding: 2, isOfPoints: false });
  await new Promise(setImmediate);
  assert.equal(hasEnded(), false);
  report({ kind: "ended", server: 0 });
  await new Promise(setImmediate);
  assert.equal(hasEnded(), true);
  report({ kind: "found", server: 0, finding: 3, isOfPoints: false });
  assert.deepEqual(findings, [1, 2]);
  assert.deepEqual(
    worker.messages.map(({ kind }) => kind),
    ["read", "stop"],
  );
  assert.deepEqual(worker.messages[0], { kind: "read", server: 0, groups: 1, packed: Buffer.of(), known: "known" });
});

test("a group whose value was cut is read again when there is room, once", () => {
  const { worker, report, loop, shown, changes } = served();
  report(published("fits"));
  loop.renewed();
  assert.deepEqual([worker.messages.length, changes()], [1, 0]);
  report(published("does not fit"));
  assert.deepEqual([shown().status, changes()], [StatusCode.BadEncodingLimitsExceeded, 1]);
  loop.renewed();
  loop.renewed();
  assert.deepEqual(worker.messages.slice(1), [{ kind: "read again", server: 0, group: 0 }]);
});

test("a group with a value whose key is not known yet is read again when it is", () => {
  const { points, ...group } = serverOf("a", 8).groups[0]!;
  const expected = { ...group, points: points.map((point) => Object.assign(point, { isExpected: true })) };
  const { worker, report, loop, changes } = served({ ...serverOf("a"), groups: [expected] });
  report(published("text"));
  assert.equal(changes(), 1);
  loop.renewed();
  assert.deepEqual(worker.messages.slice(1), [{ kind: "read again", server: 0, group: 0 }]);
});

test("what a polling thread logs, shows and counts is logged, shown and counted", () => {
  const { report, shown, reader, lines, changes } = served();
  report(
    { kind: "log", level: "warn", message: "hello", fields: { server: "a" } },
    { kind: "shown everywhere", server: 0, state: { connection: ConnectionState.lost }, status: 0x80050000 },
    { kind: "counted", server: 0, counter: "connects" },
    { kind: "failed", server: 0, failure: "Timeout" },
    { kind: "group counted", server: 0, group: 0, counter: "overruns", by: 3n },
    { kind: "changed" },
  );
  assert.deepEqual(lines, [{ level: "warn", message: "hello", fields: { server: "a" } }]);
  assert.deepEqual([shown().connection, shown().status], [ConnectionState.lost, 0x80050000]);
  const counts = [reader.serverCount(0, "connects"), reader.serverCount(0, "failedTimeout")];
  assert.deepEqual([...counts, reader.groupCount(0, "overruns")], [1n, 1n, 3n]);
  assert.equal(changes(), 1);
});

const described: PollingReport = { kind: "found", server: 0, finding: "points", isOfPoints: true };
const remembered: PollingReport = { kind: "found", server: 0, finding: "subscription", isOfPoints: false };

test("what a server has sent is shown when the image has the points that it has described, and counts as taken then", async () => {
  const { worker, shared, report, waits, loop, findings, shown, changes } = served();
  const isKnown = Promise.withResolvers<void>();
  waits.push(isKnown.promise);
  report(described, published("first"), remembered);
  report(described, published("second"));
  await new Promise(setImmediate);
  assert.deepEqual([shown().value, shared.outstanding, changes()], [null, 5, 2]);
  assert.deepEqual(findings, ["points", "points"], "one image for all that have come");
  isKnown.resolve();
  await new Promise(setImmediate);
  assert.deepEqual([shown().value, shared.outstanding], ["second", 0]);
  assert.deepEqual(findings, ["points", "points", "subscription"]);
  loop.stop();
  assert.deepEqual(worker.messages.at(-1), { kind: "stop", server: 0, taken: 5 });
});

test("what waits for the image when its server is told to stop is not shown and not counted for it", async () => {
  const { worker, report, waits, loop, shown } = served();
  const isKnown = Promise.withResolvers<void>();
  waits.push(isKnown.promise);
  report(connected, described, published("late"));
  loop.stop();
  assert.deepEqual(worker.messages.at(-1), { kind: "stop", server: 0, taken: 1 });
  isKnown.resolve();
  await new Promise(setImmediate);
  assert.deepEqual([shown().value, shown().connection], [null, ConnectionState.stopped]);
});

test("the clock does not wait for a tick of a thread whose reports wait for the clock", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { thread, report, waits } = served();
  waits.push(new Promise(() => {}));
  let ticks = 0;
  void thread.ofTick(0).then(() => ticks++);
  report(described);
  await new Promise(setImmediate);
  await thread.ofTick(1000);
  assert.equal(ticks, 1);
});

test("a tick is waited for until the thread has done with it, and for 250 ms at most", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { worker, thread, report } = served();
  let ended = 0;
  const tick = (instantMs: number): void => void thread.ofTick(instantMs).then(() => ended++);
  tick(0);
  t.mock.timers.tick(249);
  await new Promise(setImmediate);
  assert.equal(ended, 0);
  t.mock.timers.tick(1);
  await new Promise(setImmediate);
  assert.equal(ended, 1);
  tick(1000);
  report({ kind: "ticked", instantMs: 0 });
  await new Promise(setImmediate);
  assert.equal(ended, 1, "an answer that is late is to another tick");
  report({ kind: "ticked", instantMs: 1000 });
  await new Promise(setImmediate);
  assert.equal(ended, 2);
  assert.deepEqual(worker.messages.slice(1), [
    { kind: "tick", instantMs: 0 },
    { kind: "tick", instantMs: 1000 },
  ]);
});

test("when the image has the points that a server has described, ticks are waited for again", async () => {
  const { worker, thread, report } = served();
  report(described);
  await new Promise(setImmediate);
  void thread.ofTick(1000);
  assert.deepEqual(worker.messages.at(-1), { kind: "tick", instantMs: 1000 });
  report({ kind: "ticked", instantMs: 1000 });
});

test("points that a server describes after it was told to stop are kept, and are worth no new image", async () => {
  const { report, loop, findings, changes } = served();
  loop.stop();
  report(described, remembered);
  await new Promise(setImmediate);
  assert.deepEqual([findings, changes()], [["points", "subscription"], 0]);
});

test("a thread is as old as its last sign of life, and not old while it loads its code", () => {
  const { thread, shared } = served();
  assert.equal(thread.beatAgeMs(), 0);
  shared.beat(monotonicMs() - 300);
  assert.ok(thread.beatAgeMs() >= 300);
});

test("a thread that fails or ends by itself is a failure", async () => {
  const { worker, thread, failures } = served();
  const error = new TypeError("a fault of the test");
  worker.emit("error", error);
  worker.emit("exit", 7);
  assert.equal(failures[0], error);
  assert.match(String(failures[1]), /opcua-2 ended unexpectedly with code 7/);
  await thread.end();
  assert.equal(worker.timesTerminated, 1);
});
