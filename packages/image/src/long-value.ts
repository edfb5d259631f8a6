// Values that do not fit into the 8 bytes of a record: how they lie in the point's room.
//
//   text, byte string     the bytes (texts, Guids and the nested types: UTF-8)
//   array of numbers      the elements, packed, each in its own size; Boolean one byte
//   array of the others   for each element: u32 length (nullLength for null), its bytes, zero to three bytes to the next multiple of 4
//   matrix                first u32 for each dimension, zero bytes to the next multiple of 8, then as an array, row by row; a length
//                         shorter than this head says that not even the dimensions had room
//
// What does not fit is cut at a whole element (a text at a whole character) and the caller flags it: never silently.

import { BuiltInType } from "./values/built-in-type.ts";
import type { Scalar, Value } from "./values/value.ts";
import { alignUp } from "./byte-layout.ts";
import { nullLength } from "./layout.ts";

/** Size in bytes of one element, undefined for types of varying length. */
const elementBytes: Partial<Record<BuiltInType, 1 | 2 | 4 | 8>> = {
  [BuiltInType.Boolean]: 1,
  [BuiltInType.SByte]: 1,
  [BuiltInType.Byte]: 1,
  [BuiltInType.Int16]: 2,
  [BuiltInType.UInt16]: 2,
  [BuiltInType.Int32]: 4,
  [BuiltInType.UInt32]: 4,
  [BuiltInType.Int64]: 8,
  [BuiltInType.UInt64]: 8,
  [BuiltInType.Float]: 4,
  [BuiltInType.Double]: 8,
  [BuiltInType.DateTime]: 8,
  [BuiltInType.StatusCode]: 4,
};

/** True when a scalar of this type lies in the record itself. */
export function isInline(type: BuiltInType): boolean {
  return elementBytes[type] !== undefined;
}

export interface LongValueExtent {
  /** As stored in the record: bytes used, or `nullLength`. */
  readonly lengthBytes: number;
  readonly elements: number;
  /** Bytes that the whole value takes; more than the room when it was cut. */
  readonly neededBytes: number;
}

/** Writes a text, byte string, array or matrix into its room. */
export function writeLongValue(room: Buffer, value: Value): LongValueExtent {
  if (value.value === null) return { lengthBytes: nullLength, elements: 0, neededBytes: 0 };
  if (!isArray(value.value)) {
    const bytes = scalarBytes(value.value);
    const fitting = bytes.length <= room.length ? bytes : cutBytes(bytes, room.length, typeof value.value === "string");
    room.set(fitting);
    return { lengthBytes: fitting.length, elements: 1, neededBytes: bytes.length };
  }
  const dimensions = value.dimensions ?? [];
  const headBytes = matrixHeadBytes(dimensions.length);
  if (headBytes > room.length)
    return { lengthBytes: 0, elements: 0, neededBytes: headBytes + bodyBytes(value.type, value.value) };
  room.fill(0, 0, headBytes);
  for (const [index, size] of dimensions.entries()) room.writeUInt32LE(size, 4 * index);
  const size = elementBytes[value.type];
  const body =
    size === undefined
      ? writeVarying(room, headBytes, value.value)
      : writePacked(room, headBytes, value.type, size, value.value);
  return { ...body, neededBytes: headBytes + bodyBytes(value.type, value.value) };
}

/**
 * Reads a value. `record` holds its 8 bytes at `at`: an inline scalar, or the extent of a value in `room`. An extent that the room does
 * not hold is read as far as it goes, whatever the record claims.
 */
export function readValue(record: Buffer, at: number, room: Buffer, type: BuiltInType, shape: number): Value {
  if (type === BuiltInType.Null) return { type, value: null };
  if (shape === 0 && isInline(type)) return { type, value: readElement(record, at, type) };
  const lengthBytes = record.readUInt32LE(at);
  if (lengthBytes === nullLength) return { type, value: null };
  const used = room.subarray(0, lengthBytes);
  if (shape === 0) return { type, value: textOrBytes(used, type) };
  const headBytes = matrixHeadBytes(shape >= 2 ? shape : 0);
  const value = readElements(used.subarray(headBytes), type, record.readUInt32LE(at + 4));
  if (headBytes === 0 || used.length < headBytes) return { type, value };
  return { type, value, dimensions: Array.from({ length: shape }, (_, index) => used.readUInt32LE(4 * index)) };
}

function readElements(bytes: Buffer, type: BuiltInType, claimed: number): readonly Scalar[] {
  const size = elementBytes[type];
  const values: Scalar[] = [];
  for (let at = 0; values.length < claimed && at + (size ?? 4) <= bytes.length;) {
    if (size !== undefined) {
      values.push(readElement(bytes, at, type));
      at += size;
      continue;
    }
    const length = bytes.readUInt32LE(at);
    at += 4;
    if (length === nullLength) values.push(null);
    else {
      if (at + length > bytes.length) break;
      values.push(textOrBytes(bytes.subarray(at, at + length), type));
      at += alignUp(length, 4);
    }
  }
  return values;
}

function textOrBytes(bytes: Buffer, type: BuiltInType): string | Uint8Array {
  return type === BuiltInType.ByteString ? Uint8Array.from(bytes) : bytes.toString("utf8");
}

function matrixHeadBytes(rank: number): number {
  return alignUp(4 * rank, 8);
}

function isArray(value: Value["value"]): value is readonly Scalar[] {
  return Array.isArray(value);
}

function scalarBytes(value: Scalar): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(String(value), "utf8");
}

/** Cuts at `limit`; a text not inside a character: back over UTF-8 continuation bytes (10xxxxxx). */
function cutBytes(bytes: Uint8Array, limit: number, isText: boolean): Uint8Array {
  if (!isText) return bytes.subarray(0, limit);
  let end = limit;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}

function bodyBytes(type: BuiltInType, values: readonly Scalar[]): number {
  const size = elementBytes[type];
  if (size !== undefined) return size * values.length;
  return values.reduce<number>(
    (sum, value) => sum + 4 + (value === null ? 0 : alignUp(scalarBytes(value).length, 4)),
    0,
  );
}

function writePacked(room: Buffer, start: number, type: BuiltInType, size: number, values: readonly Scalar[]) {
  const elements = Math.min(values.length, Math.floor((room.length - start) / size));
  for (let index = 0; index < elements; index++) writeElement(room, start + index * size, type, values[index] ?? 0);
  return { lengthBytes: start + elements * size, elements };
}

function writeVarying(room: Buffer, start: number, values: readonly Scalar[]) {
  let at = start;
  let elements = 0;
  for (const value of values) {
    const bytes = value === null ? undefined : scalarBytes(value);
    const end = at + 4 + (bytes === undefined ? 0 : alignUp(bytes.length, 4));
    if (end > room.length) break;
    room.writeUInt32LE(bytes === undefined ? nullLength : bytes.length, at);
    if (bytes !== undefined) room.fill(0, at + 4, end).set(bytes, at + 4);
    at = end;
    elements++;
  }
  return { lengthBytes: at, elements };
}

function writeElement(room: Buffer, at: number, type: BuiltInType, value: Scalar): void {
  switch (type) {
    case BuiltInType.Boolean:
      room[at] = value ? 1 : 0;
      return;
    case BuiltInType.SByte:
      room.writeInt8(Number(value), at);
      return;
    case BuiltInType.Byte:
      room[at] = Number(value);
      return;
    case BuiltInType.Int16:
      room.writeInt16LE(Number(value), at);
      return;
    case BuiltInType.UInt16:
      room.writeUInt16LE(Number(value), at);
      return;
    case BuiltInType.Int32:
      room.writeInt32LE(Number(value), at);
      return;
    case BuiltInType.UInt32:
    case BuiltInType.StatusCode:
      room.writeUInt32LE(Number(value), at);
      return;
    case BuiltInType.Float:
      room.writeFloatLE(Number(value), at);
      return;
    case BuiltInType.Double:
      room.writeDoubleLE(Number(value), at);
      return;
    default: // Int64, UInt64, DateTime: the same 64 bits whatever the sign
      room.writeBigUInt64LE(BigInt.asUintN(64, value as bigint), at);
  }
}

function readElement(room: Buffer, at: number, type: BuiltInType): Scalar {
  switch (type) {
    case BuiltInType.Boolean:
      return room[at] !== 0;
    case BuiltInType.SByte:
      return room.readInt8(at);
    case BuiltInType.Byte:
      return room.readUInt8(at);
    case BuiltInType.Int16:
      return room.readInt16LE(at);
    case BuiltInType.UInt16:
      return room.readUInt16LE(at);
    case BuiltInType.Int32:
      return room.readInt32LE(at);
    case BuiltInType.UInt32:
    case BuiltInType.StatusCode:
      return room.readUInt32LE(at);
    case BuiltInType.Float:
      return room.readFloatLE(at);
    case BuiltInType.Double:
      return room.readDoubleLE(at);
    case BuiltInType.UInt64:
      return room.readBigUInt64LE(at);
    default:
      return room.readBigInt64LE(at);
  }
}
