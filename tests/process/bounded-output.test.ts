import assert from "node:assert/strict";
import { test } from "node:test";
import { BoundedOutput } from "../../packages/process/src/bounded-output.ts";
import { createLog } from "../../packages/process/src/pino-log.ts";
import type { WriteOutcome } from "../../packages/image/src/posix/output-descriptor.ts";

/** Takes what `room` says: so many bytes in all, or an outcome. */
class Reader {
  text = "";
  room: number | "Full" | "Failed" = Number.POSITIVE_INFINITY;

  tryWrite(bytes: Uint8Array): WriteOutcome {
    if (typeof this.room === "string") return this.room;
    if (this.room === 0) return "Full";
    const taken = Math.min(this.room, bytes.byteLength, 4096);
    this.room -= taken;
    this.text += Buffer.from(bytes.subarray(0, taken)).toString();
    return taken;
  }
}

function setUp() {
  const reader = new Reader();
  return { reader, output: new BoundedOutput(() => reader) };
}

const megabyte = 1024 * 1024;

for (const obstacle of ["Full", "Failed"] as const) {
  test(`what an output does not take (${obstacle}) waits, in order, and nobody waits for it`, async () => {
    const { reader, output } = setUp();
    reader.room = 7;
    output.write("first\n");
    output.write("second\n");
    reader.room = obstacle;
    output.write("third\n");
    assert.equal(reader.text, "first\ns");
    reader.room = Number.POSITIVE_INFINITY;
    await output.end(1000);
    assert.equal(reader.text, "first\nsecond\nthird\n");
  });
}

test("what does not fit is dropped whole, and told with its number when there is room again", async () => {
  const { reader, output } = setUp();
  output.tellDropped = (count) => output.write(`${count} dropped\n`);
  reader.room = "Full";
  const record = `${"x".repeat(1023)}\n`;
  for (let count = 0; count < 1024 + 5; count++) output.write(record);
  reader.room = megabyte / 4;
  await output.end(0);
  output.write("too early\n");
  reader.room = Number.POSITIVE_INFINITY;
  await output.end(1000);
  output.write("afterwards\n");
  assert.equal(reader.text, `${record.repeat(1024)}6 dropped\nafterwards\n`);
});

test("one record larger than all there is room for is told as dropped, and the next one is taken", () => {
  const { reader, output } = setUp();
  output.tellDropped = (count) => output.write(`${count} dropped\n`);
  output.write("x".repeat(megabyte + 1));
  output.write("next\n");
  assert.equal(reader.text, "1 dropped\nnext\n");
});

test("the end waits for a slow reader, but not longer than it is told to, and not at all for one that is gone", async () => {
  const { reader, output } = setUp();
  reader.room = "Failed";
  output.write("lost\n");
  await output.end(1e9);
  reader.room = "Full";
  await output.end(30);
  const ended = output.end(1e9);
  reader.room = Number.POSITIVE_INFINITY;
  await ended;
  assert.equal(reader.text, "lost\n");
});

test("the log says where records are missing", async () => {
  const { reader, output } = setUp();
  const log = createLog({ level: "info", format: "json" }, output);
  reader.room = "Full";
  const fields = Object.fromEntries(Array.from({ length: 15 }, (_, index) => [`field${index}`, "x".repeat(1000)]));
  const written = 100;
  for (let count = 0; count < written; count++) log("info", "full", fields);
  reader.room = Number.POSITIVE_INFINITY;
  await output.end(1000);
  const records = reader.text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(records.length < written, String(records.length));
  assert.equal(records.at(-1)?.["dropped"], written - (records.length - 1));
});
