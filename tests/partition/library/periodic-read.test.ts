import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { KeyBook } from "../../../packages/partition/src/sources/key-book.ts";
import { PeriodicRead } from "../../../packages/partition/src/library/periodic-read.ts";
import { seen } from "../../image/sample-image.ts";
import {
  Consumer,
  OwnImages,
  recordingLog,
  refused,
  TestSource,
  untilAborted,
  type Document,
} from "../sources/test-source.ts";

async function running(t: TestContext, clients: readonly TestSource[], intervalMs = 20, consumers = [new Consumer()]) {
  const images = new OwnImages();
  const { lines, log } = recordingLog();
  const reading = await PeriodicRead.create({
    service: "modbus",
    sources: clients,
    intervalMs,
    targets: consumers,
    image: images,
    started: new Map(),
    keys: new KeyBook(log),
    log,
  });
  const ended = reading.run();
  t.after(async () => {
    reading.stop();
    await ended;
  });
  return { reading, ended, consumer: consumers[0]!, consumers, images, lines };
}

const valueOf = (document: Document, key: string): unknown => document[key]?.["value"];
const watchdog = { timeout: 200_000 };

test("every document has the values of all servers, and they go on changing", watchdog, async (t) => {
  const [a, b] = [new TestSource("A", "x"), new TestSource("B", "y")];
  const { consumer, images } = await running(t, [a, b]);
  await consumer.until((document) => Number(valueOf(document, "A: x")) > 3 && Number(valueOf(document, "B: y")) > 3);
  const { reader } = images;
  assert.ok(consumer.documents.length >= 3);
  assert.ok(reader.heartbeatNs >= reader.startedNs);
});

test("a server that never answers delays no other and no document", watchdog, async (t) => {
  const [hung, polling, well] = [new TestSource("H", "x"), new TestSource("P", "x"), new TestSource("W", "x")];
  hung.onConnect = untilAborted;
  polling.onPoll = (_, signal) => untilAborted(signal);
  const { consumer, ended, reading } = await running(t, [hung, polling, well]);
  const document = await consumer.until((each) => Number(valueOf(each, "W: x")) >= 5);
  assert.deepEqual(Object.keys(document), ["Connections:H", "Connections:P", "Connections:W", "W: x"]);
  assert.equal(well.polls >= 5, true);
  reading.stop();
  await ended;
});

test("with a poll that never ends documents come at every tick all the same", watchdog, async (t) => {
  const [slow, well] = [new TestSource("S", "x"), new TestSource("W", "x")];
  const { consumer } = await running(t, [slow, well]);
  await consumer.until((document) => Number(valueOf(document, "S: x")) >= 1);
  slow.onPoll = (_, signal) => untilAborted(signal);
  const polls = well.polls;
  await consumer.until((document) => Number(valueOf(document, "W: x")) >= polls + 5);
  assert.equal(valueOf(consumer.last!, "Connections:S"), true, "nobody has said that it is lost");
  const documents = consumer.documents.length;
  await consumer.until(() => consumer.documents.length >= documents + 5);
});

test("a server that is lost is told in the document at once, not at the next tick", watchdog, async (t) => {
  const a = new TestSource("A", "x");
  a.intervalMs = 20;
  const { consumer, images } = await running(t, [a], 60_000);
  await consumer.until((document) => valueOf(document, "Connections:A") === true);
  a.onPoll = () => refused();
  a.onConnect = () => refused();
  const document = await consumer.until((each) => valueOf(each, "Connections:A") === false);
  assert.deepEqual(Object.keys(document), ["Connections:A"]);
  const { status, value } = seen(images.reader).reading(0);
  assert.equal(status, StatusCode.BadNoCommunication);
  assert.ok(Number(value) >= 1);
});

test("a text that was cut is in the document with the next publication but one", watchdog, async (t) => {
  const a = new TestSource("A", "x");
  a.onPoll = (sink) => sink.setValue(0, { type: BuiltInType.String, value: "Kühlwasser" }, StatusCode.Good);
  const { consumer } = await running(t, [a], 60_000);
  const document = await consumer.until((each) => valueOf(each, "A: x") === "Kühlwasser");
  assert.equal(valueOf(document, "Connections:A"), true);
  assert.ok(a.polls <= 3);
});

test("stopped, the last document shows every connection closed, and everything is", watchdog, async (t) => {
  const [a, hung] = [new TestSource("A", "x"), new TestSource("H", "x")];
  hung.onConnect = untilAborted;
  const { consumer, reading, ended, images } = await running(t, [a, hung]);
  await consumer.until((document) => valueOf(document, "A: x") !== undefined);
  reading.stop();
  await ended;
  assert.deepEqual(
    Object.entries(consumer.last!).map(([key, entry]) => [key, entry["value"]]),
    [
      ["Connections:A", false],
      ["Connections:H", false],
    ],
  );
  assert.equal(a.events.at(-1), "disconnect");
  assert.deepEqual(hung.events, ["connect"], "an attempt that fails leaves nothing to close");
  assert.equal(images.reader.isRetired, true);
  assert.equal(seen(images.reader).state.connection, ConnectionState.stopped);
});

test("a server that takes its time to say goodbye does not hold back the last document", watchdog, async (t) => {
  const a = new TestSource("A", "x");
  const goodbye = Promise.withResolvers<void>();
  const { consumer, reading, ended } = await running(t, [a]);
  await consumer.until((document) => valueOf(document, "A: x") !== undefined);
  a.onDisconnect = () => goodbye.promise;
  reading.stop();
  await consumer.until((document) => valueOf(document, "Connections:A") === false);
  goodbye.resolve();
  await ended;
});

test(
  "changed servers: who stays is not disturbed, who leaves is disconnected, who comes is connected",
  watchdog,
  async (t) => {
    const [a, b, c] = [new TestSource("A", "x"), new TestSource("B", "x"), new TestSource("C", "x")];
    const { consumer, reading } = await running(t, [a, b]);
    await consumer.until((document) => ["A: x", "B: x"].every((key) => key in document));
    reading.setSources([b, c]);
    const document = await consumer.until((each) => "C: x" in each);
    assert.deepEqual(Object.keys(document), ["Connections:B", "B: x", "Connections:C", "C: x"]);
    assert.deepEqual([a.events.at(-1), b.events.filter((event) => event !== "poll")], ["disconnect", ["connect"]]);
  },
);

test("a server that leaves while the generation that brings it is made is never connected", watchdog, async (t) => {
  const [a, b, c] = [new TestSource("A", "x"), new TestSource("B", "x"), new TestSource("C", "x")];
  const { consumer, reading, images } = await running(t, [a]);
  await consumer.until((document) => "A: x" in document);
  const [asked, memory] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  images.before = () => {
    asked.resolve();
    return memory.promise;
  };
  reading.setSources([a, b]);
  await asked.promise;
  reading.setSources([a, c]);
  memory.resolve();
  await consumer.until((document) => "C: x" in document);
  assert.deepEqual(b.events, []);
});

test("other segments get the next document, without waiting for the tick", watchdog, async (t) => {
  const { reading, consumer } = await running(t, [new TestSource("A", "x")], 60_000);
  await consumer.until((document) => "A: x" in document);
  const other = new Consumer();
  reading.setTargets([other]);
  await other.until((document) => "A: x" in document);
});

test("documents come two milliseconds after the instant of the polls, with their values", watchdog, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 5000;
  t.mock.method(performance, "now", () => nowMs);
  const pass = async (durationMs: number): Promise<void> => {
    nowMs += durationMs;
    t.mock.timers.tick(durationMs);
    for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
  };
  const a = new TestSource("A", "x");
  const { consumer } = await running(t, [a], 100);
  await pass(0);
  await pass(2);
  for (let tick = 1; tick <= 5; tick++) {
    await pass(98);
    const documents = consumer.documents.length;
    const poll = a.polls;
    assert.equal(valueOf(consumer.last!, "A: x"), poll - 1, "the poll has ended, the document has not come yet");
    await pass(1);
    assert.equal(consumer.documents.length, documents);
    await pass(1);
    assert.equal(consumer.documents.length, documents + 1);
    assert.equal(valueOf(consumer.last!, "A: x"), poll);
  }
});
