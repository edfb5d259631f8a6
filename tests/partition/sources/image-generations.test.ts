import assert from "node:assert/strict";
import { test } from "node:test";
import { ConnectionState } from "../../../packages/image/src/layout.ts";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../packages/image/src/values/status-code.ts";
import { ImageGenerations } from "../../../packages/partition/src/sources/image-generations.ts";
import { pointOf, poll, seen } from "../../image/sample-image.ts";
import { OwnImages, recordingLog, TestSource } from "./test-source.ts";

function refuse(): never {
  throw new RangeError("no space left on device");
}

async function setUp(...clients: TestSource[]) {
  const images = new OwnImages();
  const { lines, log } = recordingLog();
  const head = { service: "opcua", intervalMs: 1000 } as const;
  const generations = await ImageGenerations.create(head, clients, images, log);
  const text = (client: TestSource, index: number, value: string): void => {
    poll(generations.blocks.get(client)!.groups[0]!, (sink) =>
      sink.setValue(index, { type: BuiltInType.String, value }, StatusCode.Good),
    );
  };
  return { generations, images, lines, text };
}

test("without a reason there is no new generation", async () => {
  const a = new TestSource("A", "x");
  const { generations, images } = await setUp(a);
  assert.equal(await generations.renew(), false);
  assert.deepEqual([images.memories.length, images.announced, images.released], [1, 1, 0]);
});

test("an image that is lost comes back as a new one, counted once however often it is said meanwhile", async () => {
  const { generations, images } = await setUp(new TestSource("A", "x"));
  for (const restored of [1n, 2n]) {
    generations.imageLost();
    generations.imageLost();
    assert.equal(await generations.renew(), true);
    assert.equal(await generations.renew(), false);
    assert.equal(images.reader.serviceCount("objectsRestored"), restored);
  }
});

test("a value that was cut has room in the next generation, half as much again, and the old one is retired after", async () => {
  const a = new TestSource("A", "x");
  const { generations, images, text } = await setUp(a);
  const first = images.reader;
  text(a, 0, "x".repeat(100));
  assert.equal(seen(first).status(0), StatusCode.BadEncodingLimitsExceeded);
  assert.equal(await generations.renew(), true);
  assert.equal(generations.reader.directory.groups[0]!.points[0]!.capacityBytes, 150);
  assert.deepEqual([first.isRetired, images.reader.isRetired, images.announced, images.released], [true, false, 2, 1]);
  text(a, 0, "x".repeat(100));
  assert.equal(seen(images.reader).value(0).value, "x".repeat(100));
  assert.equal(await generations.renew(), false, "once is enough");
});

test("a value longer than any may be stays cut and flagged, without a generation each time", async () => {
  const a = new TestSource("A", "x");
  const { generations, text } = await setUp(a);
  text(a, 0, "x".repeat(100_000));
  assert.equal(await generations.renew(), true);
  text(a, 0, "x".repeat(100_000));
  assert.equal(await generations.renew(), false);
  const { value, status } = seen(generations.reader).reading(0);
  assert.deepEqual([String(value).length, status], [65_536, StatusCode.BadEncodingLimitsExceeded]);
});

test("room that was configured or learned is never taken away, however large", async () => {
  const a = new TestSource("A", "x");
  a.points = [pointOf("A: x", { capacityBytes: 100_000 })];
  const { generations, text } = await setUp(a);
  text(a, 0, "x".repeat(100_000));
  a.points = [pointOf("2:x", { capacityBytes: 10 })];
  assert.equal(await generations.renew(), true);
  assert.equal(seen(generations.reader).value(0).value, "x".repeat(100_000));
});

test("what a session taught is in the next generation, with the values there were", async () => {
  const a = new TestSource("A", "x");
  const { generations } = await setUp(a, new TestSource("B", "y"));
  poll(generations.blocks.get(a)!.groups[0]!, (sink) => sink.setNumber(0, BuiltInType.UInt16, 5));
  a.points = [pointOf("2:Druck", { type: BuiltInType.UInt16, unit: "bar" })];
  assert.equal(await generations.renew(), true);
  const { key, unit } = generations.reader.directory.groups[0]!.points[0]!;
  assert.deepEqual([key, unit, seen(generations.reader).value(0).value], ["2:Druck", "bar", 5]);
});

test("keys that clash are told once, with the server", async () => {
  const [a, b] = [new TestSource("A", "x"), new TestSource("B", "x")];
  for (const client of [a, b]) client.points = [pointOf("2:x", { place: `${client.alias} ns=2;s=x` })];
  const { generations, lines } = await setUp(a, b);
  a.points = [pointOf("2:x", { unit: "bar" })];
  await generations.renew();
  assert.deepEqual(
    lines.map(({ message, fields }) => [message.split(":")[0], fields?.["server"]]),
    [["1 point cannot have the plain key because another point has it", "B"]],
  );
});

test("servers that stay keep values and counters, others come and go", async () => {
  const [a, b, c] = [new TestSource("A", "x"), new TestSource("B", "x"), new TestSource("C", "x")];
  const { generations } = await setUp(a, b);
  poll(generations.blocks.get(b)!.groups[0]!, (sink) => sink.setNumber(0, BuiltInType.UInt16, 7));
  generations.setSources([c, b]);
  assert.equal(await generations.renew(), true);
  const { reader } = generations;
  assert.deepEqual(
    reader.directory.servers.map(({ alias }) => alias),
    ["C", "B"],
  );
  assert.deepEqual([seen(reader, 1).value(0).value, reader.groupCount(1, "polls")], [7, 1n]);
  assert.equal(seen(reader, 0).state.connection, ConnectionState.waiting);
  assert.deepEqual([...generations.blocks.keys()], [c, b]);
});

test("servers in another order are another generation, in which each keeps what it had", async () => {
  const [a, b] = [new TestSource("A", "x"), new TestSource("B", "x")];
  const { generations } = await setUp(a, b);
  poll(generations.blocks.get(a)!.groups[0]!, (sink) => sink.setNumber(0, BuiltInType.UInt16, 7));
  generations.setSources([b, a]);
  assert.equal(await generations.renew(), true);
  const { reader } = generations;
  assert.deepEqual(
    reader.directory.servers.map(({ alias }) => alias),
    ["B", "A"],
  );
  assert.deepEqual([seen(reader, 1).value(0).value, reader.pointsSince], [7, 2]);
  assert.equal(await generations.renew(), false, "once is enough");
});

test("a poll under way when the generation changes is published whole in the new one", async () => {
  const a = new TestSource("A", "x", "y");
  const { generations, images } = await setUp(a);
  const memory = Promise.withResolvers<void>();
  images.before = () => memory.promise;
  const block = generations.blocks.get(a)!.groups[0]!;
  a.points = [pointOf("2:x"), pointOf("2:y")];
  const renewed = generations.renew();
  block.begin();
  block.setNumber(0, BuiltInType.UInt16, 1);
  memory.resolve();
  await renewed;
  block.setNumber(1, BuiltInType.UInt16, 2);
  block.publish(ConnectionState.connected, 1);
  assert.deepEqual(
    [0, 1].map((index) => seen(images.reader).value(index).value),
    [1, 2],
  );
});

test("without memory for a new generation the present one goes on, which is told once, until there is some", async () => {
  const a = new TestSource("A", "x");
  const { generations, images, lines, text } = await setUp(a);
  images.before = refuse;
  text(a, 0, "long");
  for (const _ of [1, 2]) assert.equal(await generations.renew(), false);
  text(a, 0, "");
  assert.equal(seen(images.reader).value(0).value, "");
  assert.equal(images.reader.isRetired, false);
  assert.deepEqual(
    lines.map(({ message }) => message),
    ["cannot replace the process image; the present one stays in use: no space left on device"],
  );
  images.before = () => {};
  assert.equal(await generations.renew(), true);
});

test("without any memory at first, or a name for it, values and documents go on, and it is tried again", async () => {
  const a = new TestSource("A", "x");
  const images = new OwnImages();
  const { lines, log } = recordingLog();
  images.before = refuse;
  const generations = await ImageGenerations.create({ service: "opcua", intervalMs: 1000 }, [a], images, log);
  poll(generations.blocks.get(a)!.groups[0]!, (sink) => sink.setNumber(0, BuiltInType.UInt16, 5));
  assert.equal(seen(generations.reader).value(0).value, 5);
  assert.equal(await generations.renew(), false);
  images.before = () => {};
  images.beforeName = refuse;
  for (const _ of [1, 2]) {
    const { reader } = generations;
    assert.equal(await generations.renew(), true);
    assert.equal(reader.isRetired, true);
    assert.equal(generations.isRefused, true);
  }
  images.beforeName = () => {};
  assert.equal(await generations.renew(), true);
  assert.deepEqual([generations.isRefused, images.announced, images.released], [false, 1, 3]);
  assert.equal(seen(images.reader).value(0).value, 5);
  assert.equal(await generations.renew(), false);
  assert.deepEqual(
    lines.map(({ message }) => message),
    [
      "cannot make the process image; nobody can read it and no documents are made of it: no space left on device",
      "there is a new process image",
    ],
  );
});

test("points whose texts would need an image of more than 4 GiB are read without room for them, and that is told once", async () => {
  const a = new TestSource("A", "x", "y");
  a.points = [pointOf("A: x", { capacityBytes: 2 ** 31 }), pointOf("A: y")];
  const { generations, images, lines, text } = await setUp(a);
  text(a, 0, "long");
  poll(generations.blocks.get(a)!.groups[0]!, (sink) => sink.setNumber(1, BuiltInType.UInt16, 7));
  assert.equal(seen(images.reader).status(0), StatusCode.BadEncodingLimitsExceeded);
  assert.equal(seen(images.reader).value(1).value, 7);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!.message,
    /^the process image has no room for texts and arrays; .*: cannot lay out a process image of \d+ bytes/,
  );
  for (let tick = 0; tick < 3; tick++) assert.equal(await generations.renew(), false);
  assert.equal(lines.length, 2);
  assert.match(lines[1]!.message, /^cannot replace the process image; the present one stays in use: cannot lay out/);
  a.points = [pointOf("A: x", { capacityBytes: 100 }), pointOf("A: y")];
  assert.equal(await generations.renew(), true);
  text(a, 0, "long");
  assert.equal(seen(images.reader).value(0).value, "long");
});
