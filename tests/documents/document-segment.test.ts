import assert from "node:assert/strict";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { DocumentSegment } from "../../packages/documents/src/document-segment.ts";
import { ownPrefix } from "../image/posix/own-objects.ts";

const sizeBytes = 10_240;

function setUp(t: TestContext) {
  const name = `${ownPrefix(t)}a`;
  const object = SharedMemoryObject.createExclusive(name, 0o660);
  assert.ok(object);
  t.after(() => object.close());
  object.reserve(sizeBytes);
  const segment = DocumentSegment.fromDescriptor(object.descriptor, name, sizeBytes);
  const path = `/dev/shm/${name}`;
  const publish = (text: string): void => {
    segment.stage(Buffer.from(text));
    segment.writeStaged();
  };
  const holds = (text: string): void => {
    const found = readFileSync(path);
    assert.ok(found.equals(Buffer.concat([Buffer.from(text)], sizeBytes)), found.toString("latin1", 0, 80));
  };
  return { path, segment, publish, holds };
}

test("a document is followed by NULs to the end of the segment, also when it is shorter than the one before", (t) => {
  const { publish, holds } = setUp(t);
  for (const text of ["{}", `"${"ü".repeat(4000)}"`, '{"a":1}', "", "x".repeat(sizeBytes)]) {
    publish(text);
    holds(text);
  }
});

test("whatever a consumer left in the segment is gone with the next document", (t) => {
  const { path, publish, holds } = setUp(t);
  publish('{"a":1}');
  writeFileSync(path, Buffer.alloc(sizeBytes, 0xff));
  publish('{"a":2}');
  holds('{"a":2}');
  truncateSync(path, 3);
  publish('{"a":3}');
  holds('{"a":3}');
});

test("a document is copied when it is staged", (t) => {
  const { segment, holds } = setUp(t);
  const document = Buffer.from("first");
  segment.stage(document);
  document.write("other");
  segment.writeStaged();
  holds("first");
});

test("a document larger than the segment is refused and never cut", (t) => {
  const { segment, publish, holds } = setUp(t);
  publish("before");
  assert.throws(() => segment.stage(Buffer.alloc(sizeBytes + 1)), {
    code: "DocumentTooLong",
    message: /has 10241 bytes and the segment 10240; make the segment larger/,
  });
  segment.writeStaged();
  holds("before");
});
