// DataValues in bytes, of every type and with every mask, and messages that were cut off or spoiled on the way.

import * as fc from "fast-check";
import { DataType, type DataValue } from "node-opcua-client";
import { streamOver } from "../../../../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import { header, words } from "../../../../plant/rogue-opcua.ts";
import { sampleVariants } from "../every-variant.ts";

/** As many as a session may take for a message, or few. */
export const units = fc.constantFrom(131_072, 131_072, 131_072, 60, 200);

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
  [DataType.Int64]: 8,
  [DataType.UInt64]: 8,
  [DataType.StatusCode]: 4,
};
const plainVariant = fc
  .constantFrom(...Object.entries(plainSizes))
  .chain(([type, size]) =>
    fc.uint8Array({ minLength: size, maxLength: size }).map((value) => Buffer.from([Number(type), ...value])),
  );

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
const instant = time.map((ticks) => Buffer.from([DataType.DateTime, ...ticks]));
const text = fc
  .oneof(
    fc.string().map((characters) => Buffer.from(characters)),
    fc.uint8Array({ maxLength: 9 }),
  )
  .chain((bytes) =>
    fc.constantFrom(bytes.length, bytes.length, bytes.length, -1, -2).map((length) => [length, bytes] as const),
  )
  .map(([length, bytes]) =>
    Buffer.concat([Buffer.from([DataType.String]), words(length), length < 0 ? Buffer.alloc(0) : bytes]),
  );
const variant = fc.oneof({ weight: 3, arbitrary: plainVariant }, instant, text, fc.constantFrom(...samples));
const picoseconds = fc.nat({ max: 0xffff }).map((tens) => bytesOf(2, (bytes) => bytes.writeUInt16LE(tens)));
const mask = fc.oneof({ weight: 9, arbitrary: fc.nat({ max: 0x3f }) }, fc.nat({ max: 0xff }));

function bytesOf(length: number, write: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.alloc(length);
  write(bytes);
  return bytes;
}

/** In the order of OPC 10000-6, 5.2.2.17. */
export const dataValue = fc
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
export const diagnostics = fc.constantFrom(
  words(-1),
  words(0),
  Buffer.concat([words(2), Buffer.from([0, 1, 7, 0, 0, 0])]),
  Buffer.concat([words(1), Buffer.from([0x40, 0x40, 0])]),
);
const headerBytes = header(1).length;

/** Behind the header. */
export function spoiled(message: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .tuple(
      message,
      fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
      fc.array(fc.tuple(fc.nat({ max: 1_000_000 }), fc.nat({ max: 255 })), { maxLength: 3 }),
    )
    .map(([whole, part, flips]) => {
      const length = part === null ? whole.length : headerBytes + Math.floor(part * (whole.length - headerBytes));
      const bytes = Buffer.from(whole.subarray(0, length));
      for (const [at, bits] of flips) {
        const place = headerBytes + (at % Math.max(1, length - headerBytes));
        if (place < length) bytes[place] = (bytes[place] ?? 0) ^ bits;
      }
      return bytes;
    });
}

/** What anybody reads of it. */
export function shapeOf(one: DataValue): unknown {
  const { value, statusCode, sourceTimestamp, sourcePicoseconds, serverTimestamp, serverPicoseconds } = one;
  return { value, status: statusCode.value, sourceTimestamp, sourcePicoseconds, serverTimestamp, serverPicoseconds };
}
