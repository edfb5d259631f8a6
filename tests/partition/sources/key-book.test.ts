import assert from "node:assert/strict";
import { test } from "node:test";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { ImageGenerations } from "../../../packages/partition/src/sources/image-generations.ts";
import { KeyBook } from "../../../packages/partition/src/sources/key-book.ts";
import { PeriodicRead } from "../../../packages/partition/src/library/periodic-read.ts";
import { pointOf, poll, seen } from "../../image/sample-image.ts";
import { Consumer, OwnImages, recordingLog, TestSource } from "./test-source.ts";

/** A point that is expected to have one name, and has the told one. */
function named(client: TestSource, id: number, expected: string, reported?: string) {
  return pointOf(reported ?? expected, {
    place: `${client.alias} i=${id}`,
    name: { identity: `${client.alias} ${id}`, isSettled: false, reported },
  });
}

test("39,000 points that lose their keys are one line of the log, and 39,000 more, one by one, some twenty", () => {
  const { lines, log } = recordingLog();
  const book = new KeyBook(log);
  const client = new TestSource("A");
  const count = 2000;
  client.points = Array.from({ length: count }, (_, id) => named(client, id, `1:${id}`, "1:PV"));
  book.keysOf([client]);
  book.keysOf([client]);
  assert.equal(lines.length, 1);
  const { message, fields } = lines[0]!;
  assert.match(
    message,
    new RegExp(`^${count - 1} points .* "1:PV" belongs to a point of "A", so this server's is "1:PV \\(A i=1\\)"`),
  );
  assert.deepEqual(fields, { server: "A", contestedKeys: count - 1 });
  for (let more = 1; more <= count + 1; more += 100) {
    client.points = [
      ...client.points,
      ...Array.from({ length: 100 }, (_, id) => named(client, count + more + id, "1:x", "1:PV")),
    ];
    book.keysOf([client]);
  }
  assert.equal(lines.length, 2);
});

test("other names than before are told once, with the key that stays", () => {
  const { lines, log } = recordingLog();
  const book = new KeyBook(log);
  const client = new TestSource("A");
  client.points = [named(client, 1, "1:D", "1:Old")];
  book.keysOf([client]);
  client.points = [named(client, 1, "1:D", "1:New")];
  for (const _ of [1, 2]) assert.equal(book.keysOf([client]).get(client)?.[0]?.key, "1:Old");
  assert.deepEqual([lines.length, lines[0]?.fields], [1, { server: "A", renamedPoints: 1 }]);
  assert.match(lines[0]!.message, /"1:New" where "1:Old" stays/);
});

test("no value is shown under a key that is only expected", async () => {
  const { log } = recordingLog();
  const a = new TestSource("A");
  a.points = [named(a, 1, "1:x"), named(a, 2, "1:y")];
  const generations = await ImageGenerations.create({ service: "opcua", intervalMs: 1000 }, [a], new OwnImages(), log);
  const block = generations.blocks.get(a)!.groups[0]!;
  const pollBoth = () => {
    poll(block, (sink) => {
      sink.setNumber(0, BuiltInType.Double, 1);
      sink.setValue(1, { type: BuiltInType.Double, value: 2 }, StatusCode.Good);
    });
  };
  const shown = () => {
    const bank = seen(generations.reader);
    return [0, 1].map((index) => [
      generations.reader.directory.groups[0]!.points[index]!.key,
      bank.status(index),
      bank.value(index).value,
    ]);
  };
  pollBoth();
  assert.equal(block.isWithholding, true);
  assert.deepEqual(
    shown().map(([key, status]) => [key, status]),
    [
      ["1:x", StatusCode.BadWaitingForInitialData],
      ["1:y", StatusCode.BadWaitingForInitialData],
    ],
  );
  poll(block, (sink) => [0, 1].forEach((index) => sink.unchanged(index)));
  assert.equal(block.isWithholding, true, "a subscription has nothing new, and the values are still not shown");
  poll(block, (sink) => [0, 1].forEach((index) => sink.setStatus(index, StatusCode.BadShutdown)));
  assert.equal(block.isWithholding, false, "there are no values");
  // The two are called the other way round.
  a.points = [named(a, 1, "1:x", "1:y"), named(a, 2, "1:y", "1:x")];
  pollBoth();
  assert.equal(await generations.renew(), true);
  pollBoth();
  assert.equal(block.isWithholding, false);
  assert.deepEqual(shown(), [
    ["1:y", StatusCode.Good, 1],
    ["1:x", StatusCode.Good, 2],
  ]);
});

test("values whose names were just learned are in the document without waiting for a long interval", async (t) => {
  const { log } = recordingLog();
  const a = new TestSource("A");
  a.points = [named(a, 1, "1:x")];
  a.onConnect = () => {
    a.points = [named(a, 1, "1:x", "1:told")];
  };
  const consumer = new Consumer();
  const reading = await PeriodicRead.create({
    service: "opcua",
    sources: [a],
    intervalMs: 3_600_000,
    targets: [consumer],
    image: new OwnImages(),
    started: new Map(),
    keys: new KeyBook(log),
    log,
  });
  const ended = reading.run();
  t.after(async () => {
    reading.stop();
    await ended;
  });
  const document = await consumer.until(
    (entries) => entries["1:told"]?.["value"] !== undefined && entries["1:told"]["varType"] === "UInt32",
  );
  assert.equal(document["1:x"], undefined);
});

test("without memory for an image that has no name yet, learned keys are used all the same", async () => {
  const { log } = recordingLog();
  const a = new TestSource("A");
  a.points = [named(a, 1, "1:x")];
  const images = new OwnImages();
  images.before = () => {
    throw new RangeError("no space left on device");
  };
  const generations = await ImageGenerations.create({ service: "opcua", intervalMs: 1000 }, [a], images, log);
  a.points = [named(a, 1, "1:x", "1:told")];
  assert.equal(await generations.renew(), true);
  poll(generations.blocks.get(a)!.groups[0]!, (sink) => sink.setNumber(0, BuiltInType.Double, 1));
  assert.deepEqual(
    [
      generations.reader.directory.groups[0]!.points[0]!.key,
      seen(generations.reader).value(0).value,
      generations.isRefused,
    ],
    ["1:told", 1, true],
  );
  assert.equal(await generations.renew(), false, "nothing new, and no memory yet");
  images.before = () => {};
  assert.equal(await generations.renew(), true);
  assert.equal(images.announced, 1);
});
