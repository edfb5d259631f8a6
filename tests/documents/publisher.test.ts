import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { planDirectory } from "../../packages/image/src/directory.ts";
import { privateMemory } from "../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { ImageWriter } from "../../packages/image/src/image-writer.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type { DocumentFigure } from "../../packages/documents/src/document-figures.ts";
import { documentForm } from "../../packages/documents/src/document-form.ts";
import { Publisher } from "../../packages/documents/src/publisher.ts";
import { Alarm } from "../../packages/process/src/schedule.ts";
import { pointOf, poll } from "../image/sample-image.ts";
import { Consumer, recordingLog } from "../partition/sources/test-source.ts";

async function settle(): Promise<void> {
  for (let turns = 0; turns < 8; turns++) await new Promise(setImmediate);
}

/** A publisher whose time and whose image are the test's. */
async function setUp(t: TestContext, consumers: readonly Consumer[] = [new Consumer()], intervalMs = 1000) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  const names = ["eins", "zwei", "drei"];
  const servers = ["A", "B"].map((alias) => ({
    alias,
    connection: { key: `Connections:${alias}`, description: "Connection status" },
    groups: [{ name: "", intervalMs, points: alias === "A" ? names.map((name) => pointOf(`A: ${name}`)) : [] }],
  }));
  const directory = planDirectory(servers);
  const memory = privateMemory(directory.imageBytes);
  const image = new ImageWriter({ service: "modbus", intervalMs }, directory, memory);
  const [block] = image.blocks.flatMap(({ groups }) => groups);
  const reader = new ImageReader(memory.buffer);
  const alarm = new Alarm();
  const source = { isThere: true, isAlive: true };
  const { lines, log } = recordingLog();
  const figures = new Map<DocumentFigure, bigint>();
  const publisher = new Publisher(
    {
      image: () => (source.isThere ? reader : undefined),
      isLive: () => source.isThere && source.isAlive,
      change: async (limitMs) => void (await alarm.wait(limitMs)),
      ring: () => alarm.ring(),
    },
    consumers,
    {
      form: documentForm("modbus"),
      clock: () => nowMs,
      log,
      figures: {
        count: (figure, by = 1n) => figures.set(figure, (figures.get(figure) ?? 0n) + by),
        set: (figure, value) => figures.set(figure, value),
      },
    },
  );
  const ended = publisher.run();
  const pass = async (durationMs: number): Promise<void> => {
    nowMs += durationMs;
    t.mock.timers.tick(durationMs);
    await settle();
  };
  t.after(async () => {
    publisher.stop();
    await settle();
    await pass(250); // the pause before a last document that was skipped
    await ended;
  });
  await settle();
  return {
    publisher,
    ended,
    block: block!,
    lines,
    source,
    consumer: consumers[0]!,
    connect: () => poll(block!, (sink) => [0, 1, 2].forEach((index) => sink.setNumber(index, BuiltInType.UInt16, 1))),
    count: (figure: DocumentFigure) => Number(figures.get(figure) ?? 0n),
    pass,
    /** The source has something to look at. */
    ring: async () => {
      alarm.ring();
      await settle();
    },
    tick: async () => {
      image.tick();
      alarm.ring();
      await settle();
    },
  };
}

test("there is a document at the start and one at every tick", async (t) => {
  const own = await setUp(t);
  assert.equal(own.consumer.documents.length, 1);
  for (const ticks of [1, 2, 3]) {
    await own.tick();
    assert.equal(own.consumer.documents.length, 1 + ticks);
  }
});

test("values that are published between two ticks wait for the next one", async (t) => {
  const own = await setUp(t);
  own.connect();
  await own.ring();
  assert.equal(own.consumer.documents.length, 1);
  await own.tick();
  assert.equal(own.consumer.last!["A: eins"]!["value"], 1);
});

test("a tick that comes while a document is being published is worth another one", async (t) => {
  const consumer = new Consumer();
  const published = Promise.withResolvers<void>();
  const publish = consumer.publish.bind(consumer);
  consumer.publish = (document) => published.promise.then(() => publish(document));
  const own = await setUp(t, [consumer]);
  await own.tick();
  published.resolve();
  await settle();
  assert.equal(consumer.documents.length, 2);
});

test("while nobody keeps the image up to date, or there is none, every connection is closed and nothing has a value", async (t) => {
  const own = await setUp(t);
  own.connect();
  await own.tick();
  const all = ["Connections:A", "A: eins", "A: zwei", "A: drei", "Connections:B"];
  assert.deepEqual(Object.keys(own.consumer.last!), all);
  for (const loss of ["isAlive", "isThere"] as const) {
    own.source[loss] = false;
    await own.ring();
    const shown = Object.entries(own.consumer.last!).map(([key, { value }]) => [key, value]);
    assert.deepEqual(shown, [["Connections:A", false], ["Connections:B", false]], loss); // prettier-ignore
    own.source[loss] = true;
    await own.ring();
    assert.deepEqual(Object.keys(own.consumer.last!), all, loss);
  }
});

test("a document that was asked for comes at once", async (t) => {
  const own = await setUp(t);
  own.publisher.request();
  await settle();
  assert.equal(own.consumer.documents.length, 2);
  await own.ring();
  assert.equal(own.consumer.documents.length, 2, "once");
});

test("beyond 90 % of the segment a warning names the size, once", async (t) => {
  const own = await setUp(t);
  own.connect();
  await own.tick();
  const bytes = own.count("documentBytes");
  assert.equal(own.lines.length, 0);
  own.consumer.capacityBytes = Math.floor(bytes / 0.89);
  await own.tick();
  assert.equal(own.lines.length, 0);
  own.consumer.capacityBytes = Math.floor(bytes / 0.91);
  for (const _ of [1, 2]) await own.tick();
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
  await own.tick();
  const bytes = own.count("documentBytes");
  own.consumer.capacityBytes = 320;
  for (const _ of [1, 2]) await own.tick();
  const missing = own.count("documentEntriesMissing");
  assert.ok(missing > 0);
  assert.equal(own.consumer.last!["Entries missing"]!["value"], missing);
  assert.deepEqual(
    own.lines.map(({ level, message }) => [level, message]),
    [["error", `the document needs ${bytes} bytes, the segment has 320: ${missing} entries are left out`]],
  );
  assert.deepEqual([own.count("documentBytes"), own.count("documentCapacityBytes")], [bytes, 320]);
});

test("time-outs and seizures of the guard are counted, for every consumer", async (t) => {
  const consumers = [new Consumer(), new Consumer(), new Consumer()];
  const own = await setUp(t, consumers);
  consumers[0]!.outcome = "Skipped";
  consumers[2]!.outcome = "Seized";
  await own.tick();
  assert.deepEqual([own.count("guardTimeouts"), own.count("guardSeizures")], [2, 1]);
});

test("the smallest of several segments decides, and all get the same document", async (t) => {
  const consumers = [new Consumer(), new Consumer()];
  consumers[1]!.capacityBytes = 320;
  const own = await setUp(t, consumers);
  own.connect();
  await own.tick();
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
  await pass(1000);
  assert.equal(consumer.documents.length, 2, "nobody was skipped: the next one comes with its tick");
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
  await own.tick();
  for (const _ of [1, 2]) {
    poll(own.block, (sink) => sink.setNumber(1, BuiltInType.Int32, 1));
    await own.tick();
  }
  const keys = Object.keys(own.consumer.last!);
  assert.deepEqual(keys.slice(1, 3), ["A: eins", "A: drei"]);
  assert.deepEqual(
    own.lines.map(({ level, fields }) => [level, fields]),
    [["warn", { key: "A: zwei" }]],
  );
});
