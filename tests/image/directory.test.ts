import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { planDirectory, readDirectory, type ServerDescription } from "../../packages/image/src/directory.ts";
import { ImageError, ImageReader } from "../../packages/image/src/image-reader.ts";
import { block, blockAlignment, header, majorVersion, poll, record } from "../../packages/image/src/layout.ts";
import { imageOf, renewed, seen, serverOf } from "./sample-image.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const point = fc.record(
  {
    key: text,
    description: text,
    unit: text,
    type: fc.constantFrom(0, 1, 10, 11, 12, 25),
    capacityBytes: fc.nat({ max: 300 }),
  },
  { noNullPrototype: true },
);
const server: fc.Arbitrary<ServerDescription> = fc.record(
  {
    isInsecure: fc.boolean(),
    alias: text,
    connection: fc.record({ key: text, description: text }, { noNullPrototype: true }),
    intervalMs: fc.nat({ max: 2_000_000_000 }),
    points: fc.array(point as fc.Arbitrary<ServerDescription["points"][number]>, { maxLength: 5 }),
  },
  { noNullPrototype: true, requiredKeys: ["alias", "connection", "intervalMs", "points"] },
);

test("every directory is read back as it was planned, and nothing in it overlaps", () => {
  fc.assert(
    fc.property(fc.array(server, { maxLength: 4 }), (servers) => {
      const { directory, memory } = imageOf(...servers);
      const { texts, ...back } = readDirectory(memory.buffer);
      assert.deepEqual({ ...back, texts: Buffer.from(texts) }, directory);
      const ranges: [start: number, end: number][] = [];
      for (const { blockOffset, bankBytes, points } of directory.servers) {
        assert.equal(blockOffset % blockAlignment, 0);
        assert.equal(bankBytes % blockAlignment, 0);
        ranges.push([blockOffset, blockOffset + block.banks]);
        for (const bank of [0, 1]) {
          const start = blockOffset + block.banks + bank * bankBytes;
          ranges.push([start, start + poll.bytes + points.length * record.bytes]);
          for (const { roomOffset, capacityBytes } of points)
            ranges.push([start + roomOffset, start + roomOffset + capacityBytes]);
        }
      }
      const all = [
        [0, directory.textTableOffset + directory.texts.length],
        ...ranges,
        [directory.imageBytes, Infinity],
      ];
      for (const [index, [, end]] of all.slice(0, -1).entries()) assert.ok(end! <= all[index + 1]![0]!);
    }),
  );
});

test("memory that holds no whole image of this version is refused with a reason", () => {
  refused((_, buffer) => buffer.slice(0, header.bytes - 4), /188 bytes cannot hold one/);
  refused((_, buffer) => buffer.slice(0, header.bytes), /only 192 are there/);
  refused(() => new ArrayBuffer(4096), /magic is not there/);
  refused((view, buffer) => {
    view.setUint16(header.version + 2, majorVersion + 1, true);
    return buffer;
  }, /version 2\.\d because this reader knows 1/);
});

test("a reader steps with the sizes in the header, so that a minor version can append fields", () => {
  const { memory, directory } = imageOf(serverOf("A", 0, 8));
  const words = new Uint32Array(memory.buffer);
  assert.deepEqual(
    [header.banksOffset, header.pollBytes, header.recordBytes].map((offset) => words[offset / 4]),
    [block.banks, poll.bytes, record.bytes],
  );
  const { blockOffset } = directory.servers[0]!;
  const bank = blockOffset + block.banks + directory.servers[0]!.bankBytes;
  words[header.recordBytes / 4] = 2 * record.bytes;
  words[(bank + poll.bytes + 2 * record.bytes + record.status) / 4] = 0x40000000;
  assert.equal(seen(new ImageReader(memory.buffer)).status(1), 0x40000000);
});

test("a server that does not stay starts anew, one that does keeps its counters, and the service's counters go on", () => {
  const a = serverOf("A", 0);
  const { writer, blocks } = imageOf(a, serverOf("B", 0));
  blocks[0]!.count("polls", 5n);
  blocks[1]!.countFailure("Timeout");
  writer.count("documents", 3n);
  const startedNs = new ImageReader(writer.memory.buffer).startedNs;
  const directory = planDirectory([serverOf("B", 0), serverOf("C", 0)]);
  const memory = { buffer: new SharedArrayBuffer(directory.imageBytes), wake: () => {} };
  writer.replace(directory, memory, [blocks[1], undefined]);
  const reader = new ImageReader(memory.buffer);
  assert.deepEqual(
    [reader.serverCount(0, "failedTimeout"), reader.serverCount(1, "polls"), reader.serviceCount("documents")],
    [1n, 0n, 3n],
  );
  assert.deepEqual([reader.startedNs, reader.generation, reader.service], [startedNs, 2, "modbus"]);
  assert.ok(renewed(writer, [serverOf("B", 0), serverOf("C", 0)]).reader.generation === 3);
});

test("a server or point that does not exist is a RangeError", () => {
  const { reader } = imageOf(serverOf("A", 0));
  assert.throws(() => reader.snapshot(1), RangeError);
});

function refused(change: (view: DataView, buffer: SharedArrayBuffer) => ArrayBufferLike, reason: RegExp): void {
  const buffer = imageOf(serverOf("A", 0)).memory.buffer as SharedArrayBuffer;
  const memory = change(new DataView(buffer), buffer);
  assert.throws(
    () => new ImageReader(memory),
    (error) => error instanceof ImageError && reason.test(error.message),
  );
}
