import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import type { PlacedBlock } from "../../packages/image/src/bank-pair.ts";
import { planDirectory, type PlacedPoint, type ServerDescription } from "../../packages/image/src/directory.ts";
import { privateMemory } from "../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import {
  block,
  blockAlignment,
  groupBlockBytes,
  groupEntry,
  header,
  majorVersion,
  pointEntry,
  poll,
  record,
  serverState,
} from "../../packages/image/src/layout.ts";
import { ImageError, readDirectory } from "../../packages/image/src/read-directory.ts";
import type { PointDescription } from "../../packages/image/src/point.ts";
import { imageOf, renewed, seen, serverOf } from "./sample-image.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const point = fc.record(
  {
    key: text,
    description: text,
    unit: text,
    source: text,
    type: fc.constantFrom(0, 1, 10, 11, 12, 25),
    capacityBytes: fc.nat({ max: 300 }),
    enumeration: fc.constantFrom("0=Aus\n1=An", "7=Störung", "1=\u{1f525}"),
  },
  {
    noNullPrototype: true,
    requiredKeys: ["key", "description", "unit", "source", "type", "capacityBytes"],
  },
);
const group = fc.record(
  {
    name: text,
    intervalMs: fc.nat({ max: 2_000_000_000 }),
    points: fc.array(point as fc.Arbitrary<PointDescription>, { maxLength: 5 }),
  },
  { noNullPrototype: true },
);
const server: fc.Arbitrary<ServerDescription> = fc.record(
  {
    isInsecure: fc.boolean(),
    alias: text,
    connection: fc.record({ key: text, description: text }, { noNullPrototype: true }),
    groups: fc.array(group, { maxLength: 3 }),
  },
  { noNullPrototype: true, requiredKeys: ["alias", "connection", "groups"] },
);

test("every directory is read back as it was planned, and nothing in it overlaps", () => {
  fc.assert(
    fc.property(fc.array(server, { maxLength: 4 }), (servers) => {
      const { directory, memory } = imageOf(...servers);
      const { texts, ...back } = readDirectory(memory.buffer);
      assert.deepEqual({ ...back, texts: Buffer.from(texts) }, directory);
      const ranges: [start: number, end: number][] = [];
      for (const { groups, ...place } of directory.servers) {
        ranges.push(...rangesOf(place, block.bytes, serverState.bytes, []));
        for (const { points, ...own } of groups)
          ranges.push(...rangesOf(own, groupBlockBytes, poll.bytes + points.length * record.bytes, points));
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
  refused((_, buffer) => buffer.slice(0, header.bytes - 4), /508 bytes cannot hold one/);
  refused((_, buffer) => buffer.slice(0, header.bytes), /and 512 are there/);
  refused(() => new ArrayBuffer(4096), /magic is not there/);
  refused((view, buffer) => {
    view.setUint16(header.version + 2, majorVersion + 1, true);
    return buffer;
  }, /version 3\.3 and this reader knows 2/);
});

test("an image of the other byte order is refused", () => {
  refused((view, buffer) => {
    view.setUint32(header.byteOrder, 0x01020304, false);
    return buffer;
  }, /another byte order/);
});

test("an image that contradicts itself is refused, whatever word of its header and tables is wrong", () => {
  const { directory, memory } = imageOf(serverOf("A", 8, 0, 100), serverOf("B", 16));
  const whole = new Uint8Array(memory.buffer).slice();
  const size = { min: 0, max: directory.textTableOffset / 4 - 1 };
  fc.assert(
    fc.property(fc.integer(size), fc.constantFrom(0, 1, 7, 0xffff, 0x7fffffff, 0xffffffff), (word, value) => {
      const spoilt = new Uint32Array(whole.slice().buffer);
      spoilt[word] = value;
      try {
        const reader = new ImageReader(spoilt.buffer);
        for (const { index, points } of reader.directory.groups)
          for (const position of points.keys()) reader.view(index).reading(position);
      } catch (error) {
        assert.ok(error instanceof ImageError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test("a reader steps with the sizes in the header, so that a minor version can append fields", () => {
  const { memory, directory } = imageOf(serverOf("A", 0, 8));
  const words = new Uint32Array(memory.buffer);
  assert.deepEqual(
    [header.groupEntryBytes, header.pointEntryBytes, header.pollBytes, header.recordBytes].map((at) => words[at / 4]),
    [groupEntry.bytes, pointEntry.bytes, poll.bytes, record.bytes],
  );
  const { banksOffset, bankBytes } = directory.groups[0]!;
  const bank = banksOffset + bankBytes;
  words[header.recordBytes / 4] = 2 * record.bytes;
  words[(bank + poll.bytes + 2 * record.bytes + record.status) / 4] = 0x40000000;
  assert.equal(seen(new ImageReader(memory.buffer)).status(1), 0x40000000);
});

test("a server that does not stay starts anew, one that does keeps its counters, and the service's counters go on", () => {
  const a = serverOf("A", 0);
  const { writer } = imageOf(a, serverOf("B", 0));
  const { blocks } = writer;
  blocks[0]!.groups[0]!.count("polls", 5n);
  blocks[1]!.countFailure("Timeout");
  writer.count("ticksMissed", 3n);
  const startedNs = new ImageReader(writer.memory.buffer).startedNs;
  const directory = planDirectory([serverOf("B", 0), serverOf("C", 0)]);
  const memory = privateMemory(directory.imageBytes);
  writer.replace(directory, memory, [blocks[1], undefined]);
  const reader = new ImageReader(memory.buffer);
  assert.deepEqual(
    [reader.serverCount(0, "failedTimeout"), reader.groupCount(1, "polls"), reader.serviceCount("ticksMissed")],
    [1n, 0n, 3n],
  );
  assert.deepEqual([reader.startedNs, reader.generation, reader.service], [startedNs, 2, "modbus"]);
  assert.ok(renewed(writer, [serverOf("B", 0), serverOf("C", 0)]).reader.generation === 3);
});

test("a server or point that does not exist is a RangeError", () => {
  const { reader } = imageOf(serverOf("A", 0));
  assert.throws(() => reader.snapshot(1), RangeError);
});

function rangesOf(place: PlacedBlock, headBytes: number, fixedBytes: number, points: readonly PlacedPoint[]) {
  const { blockOffset, banksOffset, bankBytes } = place;
  assert.equal(blockOffset % blockAlignment, 0);
  assert.equal(bankBytes % blockAlignment, 0);
  const ranges: [start: number, end: number][] = [[blockOffset, blockOffset + headBytes]];
  for (const start of [banksOffset, banksOffset + bankBytes]) {
    ranges.push([start, start + fixedBytes]);
    for (const { roomOffset, capacityBytes } of points)
      ranges.push([start + roomOffset, start + roomOffset + capacityBytes]);
  }
  return ranges;
}

function refused(change: (view: DataView, buffer: SharedArrayBuffer) => ArrayBufferLike, reason: RegExp): void {
  const buffer = imageOf(serverOf("A", 0)).memory.buffer as SharedArrayBuffer;
  const memory = change(new DataView(buffer), buffer);
  assert.throws(
    () => new ImageReader(memory),
    (error) => error instanceof ImageError && reason.test(error.message),
  );
}

test("an image that offsets of 32 bits cannot describe is refused with its size and what helps", () => {
  const half = 2 ** 31;
  assert.equal(planDirectory([serverOf("A", half - 4096)]).imageBytes < 2 ** 32, true);
  assert.throws(() => planDirectory([serverOf("A", half)]), {
    code: "ImageTooLarge",
    message: /^cannot lay out a process image of 42949\d{5} bytes for 1 points because .* --prefix|<capacity>/,
  });
});
