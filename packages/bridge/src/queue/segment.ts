// One file of the queue: blocks, one behind another. A block is written whole or, after a crash, not at all: its checksum decides.
//
//   0          4          8          12
//   +----------+----------+----------+---------------- - -
//   | payload  | records  | checksum | payload
//   | bytes    |          | (CRC-32) |
//   +----------+----------+----------+---------------- - -     all numbers little-endian
//
// The checksum covers the two numbers before it and the payload.

import { readSync } from "node:fs";
import { crc32 } from "node:zlib";

const u32Bytes = 4;
const payloadBytesOffset = 0;
const recordsOffset = payloadBytesOffset + u32Bytes;
const checksumOffset = recordsOffset + u32Bytes;
export const blockHeaderBytes = checksumOffset + u32Bytes;

export interface StoredBlock {
  readonly payload: Buffer;
  readonly records: number;
  /** With its header. */
  readonly bytes: number;
}

export function encodeBlock(payload: Uint8Array, records: number): Buffer {
  const block = Buffer.allocUnsafe(blockHeaderBytes + payload.length);
  block.writeUInt32LE(payload.length, payloadBytesOffset);
  block.writeUInt32LE(records, recordsOffset);
  block.set(payload, blockHeaderBytes);
  block.writeUInt32LE(checksum(block.subarray(0, checksumOffset), payload), checksumOffset);
  return block;
}

/** The block at an offset of a file that ends at `endBytes`; undefined when no whole and sound block stands there. */
export function readBlock(descriptor: number, offset: number, endBytes: number): StoredBlock | undefined {
  if (offset + blockHeaderBytes > endBytes) return undefined;
  const header = Buffer.allocUnsafe(blockHeaderBytes);
  if (readSync(descriptor, header, 0, blockHeaderBytes, offset) < blockHeaderBytes) return undefined;
  const payloadBytes = header.readUInt32LE(payloadBytesOffset);
  const bytes = blockHeaderBytes + payloadBytes;
  if (offset + bytes > endBytes) return undefined;
  const payload = Buffer.allocUnsafe(payloadBytes);
  if (readSync(descriptor, payload, 0, payloadBytes, offset + blockHeaderBytes) < payloadBytes) return undefined;
  if (checksum(header.subarray(0, checksumOffset), payload) !== header.readUInt32LE(checksumOffset)) return undefined;
  return { payload, records: header.readUInt32LE(recordsOffset), bytes };
}

function checksum(numbers: Uint8Array, payload: Uint8Array): number {
  return crc32(payload, crc32(numbers));
}
