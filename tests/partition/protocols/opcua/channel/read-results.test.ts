// Results that stay bytes, against the library's decoding of the same message: the same values for the image, the same objects, the same refusals, and as much
// taken from the budget; of every type, with every mask, and of what is cut off or spoiled.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DataType, ReadResponse, VariantArrayType, type DataValue } from "node-opcua-client";
import {
  decodeWithinBudgets,
  streamOver,
  streamWithin,
} from "../../../../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import { ReadResults } from "../../../../../packages/partition/src/protocols/opcua/channel/read-results.ts";
import { decodeTolerantly } from "../../../../../packages/partition/src/protocols/opcua/channel/tolerant-decoding.ts";
import { rememberBrokenStructures } from "../../../../../packages/partition/src/protocols/opcua/channel/whole-structures.ts";
import type { OpcUaNode } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { silenceNodeOpcUa } from "../../../../../packages/partition/src/protocols/opcua/silence.ts";
import { ValueDelivery } from "../../../../../packages/partition/src/protocols/opcua/value-delivery.ts";
import { JudgingSink } from "../../../../fuzzing/judging-sink.ts";
import { opcUaNode } from "../../../../plant/plant-configuration.ts";
import { RecordingSink } from "../../../../plant/recording-sink.ts";
import { header, words } from "../../../../plant/rogue-opcua.ts";
import { sampleVariants } from "../every-variant.ts";

silenceNodeOpcUa();
decodeTolerantly();
decodeWithinBudgets();
rememberBrokenStructures();

/** As many as a session may take for a message, or few. */
const units = fc.constantFrom(131_072, 131_072, 131_072, 60, 200);

const samples = sampleVariants()
  .filter(({ value }) => typeof value !== "string" || value.length < 1000)
  .map((variant) => {
    const bytes = Buffer.alloc(20_000);
    const stream = streamOver(bytes);
    variant.encode(stream);
    return bytes.subarray(0, stream.length);
  })
  .filter((bytes) => bytes.length < 2000);

const plainSizes: Readonly<Record<number, number>> = {
  [DataType.Boolean]: 1,
  [DataType.SByte]: 1,
  [DataType.Byte]: 1,
  [DataType.Int16]: 2,
  [DataType.UInt16]: 2,
  [DataType.Int32]: 4,
  [DataType.UInt32]: 4,
  [DataType.Float]: 4,
  [DataType.Double]: 8,
};
const plainVariant = fc
  .constantFrom(...Object.entries(plainSizes))
  .chain(([type, size]) =>
    fc.uint8Array({ minLength: size, maxLength: size }).map((value) => Buffer.from([Number(type), ...value])),
  );
const variant = fc.oneof({ weight: 3, arbitrary: plainVariant }, fc.constantFrom(...samples));

const anyStatus = fc
  .oneof(fc.constantFrom(0, 0x400, 0x4000_0000, 0x4090_0000, 0x8034_0000), fc.nat({ max: 0xffff_ffff }))
  .map((code) => bytesOf(4, (bytes) => bytes.writeUInt32LE(code)));
/** Around 1601, 1677, 1970, 2262, 9999, and anywhere. */
const time = fc
  .oneof(
    fc
      .tuple(
        fc.constantFrom(0n, 2_435_916_637_144_760_000n, 24_035_012_836_854_770n, 208_677_932_368_530_000n, 2n ** 63n),
        fc.bigInt({ min: -20_000n, max: 20_000n }),
      )
      .map(([base, away]) => BigInt.asUintN(64, base + away)),
    fc.bigInt({ min: 130_000_000_000_000_000n, max: 150_000_000_000_000_000n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  )
  .map((ticks) => bytesOf(8, (bytes) => bytes.writeBigUInt64LE(ticks)));
const picoseconds = fc.nat({ max: 0xffff }).map((tens) => bytesOf(2, (bytes) => bytes.writeUInt16LE(tens)));
const mask = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 0x3f }) }, fc.nat({ max: 0xff }));

function bytesOf(length: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(length);
  write(bytes);
  return bytes;
}

/** In the order of OPC 10000-6, 5.2.2.17. */
const result = fc
  .tuple(mask, variant, anyStatus, time, picoseconds, time, picoseconds)
  .map(([bits, value, status, source, sourcePicoseconds, server, serverPicoseconds]) =>
    Buffer.concat([
      Buffer.from([bits]),
      (bits & 0x01) === 0 ? Buffer.alloc(0) : value,
      (bits & 0x02) === 0 ? Buffer.alloc(0) : status,
      (bits & 0x04) === 0 ? Buffer.alloc(0) : source,
      (bits & 0x10) === 0 ? Buffer.alloc(0) : sourcePicoseconds,
      (bits & 0x08) === 0 ? Buffer.alloc(0) : server,
      (bits & 0x20) === 0 ? Buffer.alloc(0) : serverPicoseconds,
    ]),
  );
const diagnostics = fc.constantFrom(
  words(-1),
  words(0),
  Buffer.concat([words(2), Buffer.from([0, 1, 7, 0, 0, 0])]),
  Buffer.concat([words(1), Buffer.from([0x40, 0x40, 0])]),
);
const message = fc
  .tuple(fc.array(result, { maxLength: 8 }), fc.constantFrom(0, 0, 0, 0, 1, -1), diagnostics)
  .map(([results, wrong, rest]) => Buffer.concat([header(1), words(results.length + wrong), ...results, rest]));

type Outcome =
  { readonly refused: string } | { readonly left: number; readonly sink: RecordingSink; readonly objects: unknown };

const places = Array.from({ length: 10 }, (_, index) => [index, opcUaNode(`node ${index}`)] as const);

/** As the gate of the channel judges it. */
function outcomeOf<Of extends ReadResponse>(
  kind: new () => Of,
  bytes: Buffer,
  most: number,
  deliver: (answer: Of, delivery: ValueDelivery, sink: RecordingSink) => unknown,
  nodes: readonly (readonly [number, OpcUaNode])[] = places,
): Outcome {
  const { stream, budget } = streamWithin(Buffer.from(bytes), most);
  const answer = new kind();
  try {
    answer.decode(stream);
  } catch (error) {
    assert.ok(error instanceof Error);
    return { refused: budget.left < 0 ? "limits" : "decoding" };
  }
  if (budget.left < 0) return { refused: "limits" };
  const { left } = budget;
  const sink = new RecordingSink();
  const objects = deliver(answer, new ValueDelivery(nodes, () => 0x8000_0000), sink);
  return { left, sink, objects };
}

function ofLibrary(bytes: Buffer, most: number, nodes?: readonly (readonly [number, OpcUaNode])[]): Outcome {
  return outcomeOf(
    ReadResponse,
    bytes,
    most,
    ({ results }, delivery, sink) => {
      for (const [place, one] of (results ?? []).entries()) delivery.deliver(sink, place, one);
      return (results ?? []).map(shapeOf);
    },
    nodes,
  );
}

function inPlace(bytes: Buffer, most: number, nodes?: readonly (readonly [number, OpcUaNode])[]): Outcome {
  return outcomeOf(
    ReadResults,
    bytes,
    most,
    (results, delivery, sink) => {
      const positions = Array.from({ length: results.count }, (_, position) => position);
      const judging = new JudgingSink(sink);
      const statuses = positions.map((position) => delivery.deliverAt(judging, position, results, position));
      assert.deepEqual(
        statuses,
        positions.map((position) => results.at(position).statusCode.value >>> 0),
      );
      return positions.map((position) => shapeOf(results.at(position)));
    },
    nodes,
  );
}

/** What anybody reads of it. */
function shapeOf(one: DataValue): unknown {
  const { value, statusCode, sourceTimestamp, sourcePicoseconds, serverTimestamp, serverPicoseconds } = one;
  return { value, status: statusCode.value, sourceTimestamp, sourcePicoseconds, serverTimestamp, serverPicoseconds };
}

test("whatever a server answers, the image gets what it would get of the library's objects", () => {
  let delivered = 0;
  fc.assert(
    fc.property(message, units, (bytes, most) => {
      const expected = ofLibrary(bytes, most);
      assert.deepEqual(inPlace(bytes, most), expected);
      if ("sink" in expected) delivered += expected.sink.statuses.size;
    }),
    { numRuns: 3000 },
  );
  assert.ok(delivered > 1000, `only ${delivered} values came through`);
});

test("a message that is cut off or spoiled is refused as the library refuses it, as a whole", () => {
  let refused = 0;
  const spoiled = fc.tuple(
    message,
    fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    fc.array(fc.tuple(fc.nat({ max: 1_000_000 }), fc.nat({ max: 255 })), { maxLength: 3 }),
  );
  fc.assert(
    fc.property(spoiled, units, ([whole, part, flips], most) => {
      const headerBytes = header(1).length;
      const length = part === null ? whole.length : headerBytes + Math.floor(part * (whole.length - headerBytes));
      const bytes = Buffer.from(whole.subarray(0, length));
      for (const [at, bits] of flips) {
        const place = headerBytes + (at % Math.max(1, length - headerBytes));
        if (place < length) bytes[place] = (bytes[place] ?? 0) ^ bits;
      }
      const expected = ofLibrary(bytes, most);
      assert.deepEqual(inPlace(bytes, most), expected);
      if ("refused" in expected) refused++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(refused > 500, `only ${refused} messages were refused`);
});

test("a number where a part of an array was asked for is no part of one", () => {
  const nodes = [[0, { ...opcUaNode("a"), indexRange: "1" }]] as const;
  const bytes = Buffer.concat([header(1), words(1), Buffer.from([1, DataType.Byte, 7]), words(-1)]);
  assert.deepEqual(inPlace(bytes, 1000, nodes), ofLibrary(bytes, 1000, nodes));
});

test("numbers and statuses are not decoded, everything else is", () => {
  const number = Buffer.from([1, DataType.Byte, 7]);
  const array = Buffer.from([1, 0x80 | DataType.Byte, 1, 0, 0, 0, 7]);
  const status = Buffer.from([2, 0, 0, 0x34, 0x80]);
  const bytes = Buffer.concat([header(1), words(3), number, array, status, words(-1)]);
  const results = new ReadResults();
  results.decode(streamWithin(bytes, 1000).stream);
  assert.deepEqual(
    [...results.decoded].map(({ value }) => value.arrayType),
    [VariantArrayType.Array],
  );
  assert.deepEqual(
    [0, 1, 2].map((position) => results.plain(position)?.status),
    [0, undefined, 0x8034_0000],
  );
});
