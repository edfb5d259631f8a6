import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { ImageGenerations } from "../../../packages/partition/src/sources/image-generations.ts";
import { PollsInFlight } from "../../../packages/partition/src/sources/polls-in-flight.ts";
import { Publisher } from "../../../packages/partition/src/sources/publisher.ts";
import { Grid } from "../../../packages/partition/src/sources/schedule.ts";
import { documentForm } from "../../../packages/documents/src/document-form.ts";
import { poll } from "../../image/sample-image.ts";
import { Consumer, OwnImages, recordingLog, TestClient } from "./test-client.ts";

async function settle(): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await new Promise(setImmediate);
}

/** A publisher whose time is the test's. */
async function setUp(t: TestContext, consumers: readonly Consumer[] = [new Consumer()], intervalMs = 1000) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const client = new TestClient("A", "eins", "zwei", "drei");
  const images = new OwnImages();
  const { lines, log } = recordingLog();
  const generations = await ImageGenerations.create({ service: "modbus", intervalMs }, [client], images, log);
  const pollsInFlight = new PollsInFlight(() => nowMs, intervalMs, 2);
  const publisher = new Publisher(generations, consumers, {
    form: documentForm("modbus"),
    grid: new Grid(0, intervalMs),
    clock: () => nowMs,
    pollsInFlight,
    log,
    renewed: () => {},
  });
  const ended = publisher.run();
  t.after(async () => {
    publisher.stop();
    t.mock.timers.tick(intervalMs);
    await settle();
    t.mock.timers.tick(intervalMs); // the pause before a last document that was skipped
    await ended;
  });
  await settle();
  const block = generations.blocks.get(client)!.groups[0]!;
  return {
    publisher,
    ended,
    pollsInFlight,
    block,
    lines,
    consumer: consumers[0]!,
    connect: () => poll(block, (sink) => [0, 1, 2].forEach((index) => sink.setNumber(index, BuiltInType.UInt16, 1))),
    count: (counter: Parameters<typeof images.reader.serviceCount>[0]) => Number(images.reader.serviceCount(counter)),
    pass: async (durationMs: number) => {
      nowMs += durationMs;
      t.mock.timers.tick(durationMs);
      await settle();
    },
  };
}

test("there is a document at the start and one at every tick, however late timers are", async (t) => {
  const own = await setUp(t);
  const after: number[] = [];
  for (const passMs of [999, 1, 1300, 700, 999, 1]) {
    await own.pass(passMs);
    after.push(own.consumer.documents.length);
  }
  assert.deepEqual(after, [1, 2, 3, 4, 4, 5]);
  assert.equal(own.count("ticksMissed"), 0);
});

test("ticks that were missed are counted, not made up for", async (t) => {
  const own = await setUp(t);
  await own.pass(4500);
  assert.deepEqual([own.consumer.documents.length, own.count("ticksMissed")], [2, 3]);
  await own.pass(500);
  assert.equal(own.consumer.documents.length, 3);
});

test("a document waits for polls that began with its tick, but not for long", async (t) => {
  const own = await setUp(t);
  const server = {};
  await own.pass(999);
  own.pollsInFlight.begin(server);
  await own.pass(1);
  assert.equal(own.consumer.documents.length, 1);
  own.pollsInFlight.end(server);
  await settle();
  assert.equal(own.consumer.documents.length, 2);
  await own.pass(999);
  own.pollsInFlight.begin(server);
  await own.pass(1);
  await own.pass(199);
  assert.equal(own.consumer.documents.length, 2);
  await own.pass(1);
  assert.equal(own.consumer.documents.length, 3);
});

test("a document does not wait for a poll of an earlier tick", async (t) => {
  const own = await setUp(t);
  const [slow, quick] = [{}, {}];
  own.pollsInFlight.begin(slow);
  await own.pass(999);
  own.pollsInFlight.begin(quick);
  await own.pass(1);
  assert.equal(own.consumer.documents.length, 1, "it waits for the quick one");
  own.pollsInFlight.end(quick);
  await settle();
  assert.equal(own.consumer.documents.length, 2);
});

test("a server whose polls outlast the wait makes one document late, and none until it was quick again", async (t) => {
  const own = await setUp(t);
  const server = {};
  await own.pass(999);
  /** One poll that begins with the tick; from and to the millisecond before a tick. */
  const isLateWith = async (pollMs: number): Promise<boolean> => {
    const before = own.consumer.documents.length;
    own.pollsInFlight.begin(server);
    await own.pass(1);
    const isLate = own.consumer.documents.length === before;
    await own.pass(pollMs);
    own.pollsInFlight.end(server);
    await settle();
    await own.pass(998 - pollMs);
    await own.pass(1);
    assert.equal(own.consumer.documents.length, before + 1);
    return isLate;
  };
  const late: boolean[] = [];
  for (const pollMs of [600, 600, 600, 100, 100, 600]) late.push(await isLateWith(pollMs));
  assert.deepEqual(late, [true, false, false, false, true, true]);
});

test("a document that was asked for comes at once and moves no tick", async (t) => {
  const own = await setUp(t);
  await own.pass(500);
  own.publisher.request();
  await settle();
  assert.equal(own.consumer.documents.length, 2);
  await own.pass(499);
  assert.equal(own.consumer.documents.length, 2);
  await own.pass(1);
  assert.equal(own.consumer.documents.length, 3);
});

test("beyond 90 % of the segment a warning names the size, once", async (t) => {
  const own = await setUp(t);
  own.connect();
  await own.pass(1000);
  const bytes = own.count("documentBytes");
  assert.equal(own.lines.length, 0);
  own.consumer.capacityBytes = Math.floor(bytes / 0.89);
  await own.pass(1000);
  assert.equal(own.lines.length, 0);
  own.consumer.capacityBytes = Math.floor(bytes / 0.91);
  for (const _ of [1, 2]) await own.pass(1000);
  assert.equal(own.lines.length, 1);
  assert.equal(own.lines[0]!.level, "warn");
  const wanted = Math.ceil(bytes / 0.9);
  assert.match(
    own.lines[0]!.message,
    new RegExp(`takes ${bytes} of .* ${own.consumer.capacityBytes} bytes.* ${wanted}`),
  );
});

test("what does not fit is told once with the size needed, counted, and left out", async (t) => {
  const own = await setUp(t);
  own.connect();
  await own.pass(1000);
  const bytes = own.count("documentBytes");
  own.consumer.capacityBytes = 230;
  for (const _ of [1, 2]) await own.pass(1000);
  const missing = own.count("documentEntriesMissing");
  assert.ok(missing > 0);
  assert.equal(own.consumer.last!["Entries missing"]!["value"], missing);
  assert.deepEqual(
    own.lines.map(({ level, message }) => [level, message]),
    [["error", `the document needs ${bytes} bytes, the segment has 230: ${missing} entries are left out`]],
  );
  assert.deepEqual([own.count("documentBytes"), own.count("documentCapacityBytes")], [bytes, 230]);
});

test("time-outs and seizures of the guard are counted, for every consumer", async (t) => {
  const consumers = [new Consumer(), new Consumer(), new Consumer()];
  const own = await setUp(t, consumers);
  consumers[0]!.outcome = "Skipped";
  consumers[2]!.outcome = "Seized";
  await own.pass(1000);
  assert.deepEqual([own.count("guardTimeouts"), own.count("guardSeizures")], [2, 1]);
});

test("the smallest of several segments decides, and all get the same document", async (t) => {
  const consumers = [new Consumer(), new Consumer()];
  consumers[1]!.capacityBytes = 230;
  const own = await setUp(t, consumers);
  own.connect();
  await own.pass(1000);
  assert.ok("Entries missing" in consumers[0]!.last!);
  assert.deepEqual(consumers[0]!.last, consumers[1]!.last);
});

test("a consumer that was skipped gets its document a second later, however long the interval is", async (t) => {
  const consumer = new Consumer();
  consumer.outcome = "Skipped";
  const { pass } = await setUp(t, [consumer], 60_000);
  assert.equal(consumer.documents.length, 1);
  await pass(999);
  assert.equal(consumer.documents.length, 1);
  consumer.outcome = "Done";
  await pass(1);
  assert.equal(consumer.documents.length, 2);
  await pass(58_999);
  assert.equal(consumer.documents.length, 2, "nobody was skipped: the next one comes with its tick");
  await pass(1);
  assert.equal(consumer.documents.length, 3);
});

test("the last document is published again for a consumer that was skipped", async (t) => {
  const consumer = new Consumer();
  const { publisher, pass, ended } = await setUp(t, [consumer], 60_000);
  consumer.outcome = "Skipped";
  publisher.stop();
  await pass(0);
  assert.equal(consumer.documents.length, 2);
  await pass(200);
  assert.equal(consumer.documents.length, 3);
  await ended;
});

test("an entry whose value has another type now is told once, by its key", async (t) => {
  const own = await setUp(t);
  own.connect();
  await own.pass(1000);
  for (const _ of [1, 2]) {
    poll(own.block, (sink) => sink.setNumber(1, BuiltInType.Int32, 1));
    await own.pass(1000);
  }
  const keys = Object.keys(own.consumer.last!);
  assert.deepEqual(keys.slice(1), ["A: eins", "A: drei"]);
  assert.deepEqual(
    own.lines.map(({ level, fields }) => [level, fields]),
    [["warn", { key: "A: zwei" }]],
  );
});
