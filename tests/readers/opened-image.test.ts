import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { OpenedImage, type ImageReader } from "../../packages/image/src/reader.ts";
import { AgentProcess } from "./agents/agent-process.ts";
import { imageJson, valueJson } from "./json-form.ts";
import { cases, numbersServer, servers, setEveryCase } from "./every-type.ts";
import { TestWriter, uniqueName } from "./test-writer.ts";

function opened(image: OpenedImage): ImageReader {
  const reader = image.current();
  assert.ok(reader, "there is an image");
  return reader;
}

void suite("an opened image", { timeout: 200_000 }, () => {
  for (const [index, { name, expected, expectedStatus }] of cases.entries()) {
    test(`gives back ${name}`, () => {
      using writer = new TestWriter(servers);
      writer.publish(0, setEveryCase);
      using image = new OpenedImage(writer.name);
      const reading = opened(image).snapshot(0)?.reading(index);
      assert.ok(reading);
      assert.deepEqual(valueJson(reading), expected);
      assert.equal(reading.status, expectedStatus);
    });
  }

  test("is the same in another process", async () => {
    using writer = new TestWriter(servers);
    writer.publish(0, setEveryCase);
    using image = new OpenedImage(writer.name);
    const reader = opened(image);
    await using agent = new AgentProcess("Node", writer.name);
    assert.deepEqual(
      await agent.askJson("dump"),
      JSON.parse(JSON.stringify(imageJson(reader, (group) => reader.snapshot(group)))),
    );
  });

  test("is undefined while there is none, and the same reader while nothing changes", () => {
    const name = uniqueName();
    using image = new OpenedImage(name);
    assert.equal(image.current(), undefined);
    assert.equal(image.waitForPublish(0), false);
    using writer = new TestWriter(servers, name);
    assert.ok(writer);
    assert.equal(opened(image), opened(image));
  });

  test("is another reader after a new generation, and the old one's snapshots refuse to be refreshed", () => {
    using writer = new TestWriter(servers);
    using image = new OpenedImage(writer.name);
    const before = opened(image);
    const snapshot = before.reusableSnapshot(0);
    assert.equal(snapshot.refresh(), true);
    writer.replace(servers);
    const after = opened(image);
    assert.notEqual(after, before);
    assert.equal(after.generation, 2);
    assert.throws(() => snapshot.refresh(), TypeError);
  });

  test("knows whether it has a writer", () => {
    const name = uniqueName();
    using image = new OpenedImage(name);
    assert.equal(image.hasWriter(), false);
    using writer = new TestWriter(servers, name);
    assert.ok(writer);
    assert.equal(image.hasWriter(), true);
  });

  test("looks at the image and its writer at once, also when another one has taken its place", () => {
    const name = uniqueName();
    using image = new OpenedImage(name);
    assert.equal(image.look(), undefined);
    let before: ImageReader | undefined;
    {
      using writer = new TestWriter(servers, name);
      assert.ok(writer);
      before = image.look()?.image;
      assert.notEqual(before, undefined);
    }
    using writer = new TestWriter(servers, name);
    writer.replace(servers);
    const { image: reader, hasWriter } = image.look()!;
    assert.notEqual(reader, before);
    assert.deepEqual([reader.generation, hasWriter], [2, true]);
  });

  test("tells each publication once, without blocking too", async () => {
    using writer = new TestWriter(servers);
    using image = new OpenedImage(writer.name);
    assert.equal(await image.nextPublish(0), true);
    assert.equal(await image.nextPublish(0), false);
    assert.equal(image.waitForPublish(1), false);
    const news = image.nextPublish(60_000);
    await setImmediate();
    writer.publish(2);
    assert.equal(await news, true);
    writer.publish(1);
    assert.equal(image.waitForPublish(60_000), true);
    assert.equal(image.waitForPublish(0), false);
  });

  test("stops waiting when it is told to", async () => {
    using image = new OpenedImage(uniqueName());
    await assert.rejects(image.nextPublish(60_000, AbortSignal.abort()), { name: "AbortError" });
  });
});

void suite("a snapshot", { timeout: 200_000 }, () => {
  test("does not change when the writer goes on, until it is refreshed", () => {
    using writer = new TestWriter([numbersServer("numbers", 2)]);
    using image = new OpenedImage(writer.name);
    writer.publish(0, (block) => block.setNumber(1, BuiltInType.Double, 0.5));
    const snapshot = opened(image).snapshot(0);
    assert.ok(snapshot);
    for (const value of [1.5, 2.5]) {
      const before = snapshot.number(1, BuiltInType.Double);
      writer.publish(0, (block) => block.setNumber(1, BuiltInType.Double, value));
      assert.equal(snapshot.number(1, BuiltInType.Double), before);
      assert.equal(snapshot.refresh(), true);
      assert.equal(snapshot.number(1, BuiltInType.Double), value);
    }
    assert.equal(snapshot.published, 4);
  });

  for (const [begun, published, isWhole] of [
    [8, 8, true],
    [9, 8, true],
    [10, 8, false],
    [7, 8, false],
    [0, 0xffffffff, true],
    [1, 0xffffffff, false],
  ] as const) {
    test(`is ${isWhole ? "whole" : "refused"} when ${begun} was begun and ${published} published`, () => {
      using writer = new TestWriter([numbersServer("numbers", 2)]);
      using image = new OpenedImage(writer.name);
      const snapshot = opened(image).reusableSnapshot(0);
      writer.setCounters(0, begun, published);
      assert.equal(snapshot.refresh(), isWhole);
    });
  }

  for (const [begun, published, afterwards] of [
    [9, 8, 10],
    [0xfffffffe, 0xfffffffe, 0],
    [0, 0xffffffff, 1],
  ] as const) {
    test(`is whole after retirement at begun ${begun} and published ${published}`, () => {
      using writer = new TestWriter([numbersServer("numbers", 2)]);
      using image = new OpenedImage(writer.name);
      writer.setCounters(0, begun, published);
      writer.image.retire();
      assert.equal(opened(image).snapshot(0)?.published, afterwards);
    });
  }

  test("of a lost server has the last values under a bad status, with their own time", () => {
    using writer = new TestWriter([numbersServer("numbers", 1)]);
    using image = new OpenedImage(writer.name);
    writer.publish(0, (block) => block.setNumber(0, BuiltInType.Double, 7));
    const good = opened(image).snapshot(0)?.reading(0);
    writer.publish(0, (block) => block.setEveryStatus(0x808a0000));
    assert.deepEqual(opened(image).snapshot(0)?.reading(0), { ...good, status: 0x808a0000 });
  });
});
