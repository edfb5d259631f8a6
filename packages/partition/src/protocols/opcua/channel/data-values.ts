// The DataValues of a message, which stay bytes until somebody wants them: a poll has thousands of numbers, and objects would be made of each
// only to be taken apart again.
//
//   DataValue (OPC 10000-6, 5.2.2.17): mask | Variant | StatusCode | SourceTimestamp | SourcePicoseconds | ServerTimestamp | ServerPicoseconds
//                              bit:      u8 |  0x01   | 0x02, u32  |    0x04, i64    |     0x10, u16     |    0x08, i64    |    0x20, u16
//   Variant (5.2.2.16):   array 0x80, dimensions 0x40, type 0x3f | value
//
// What is no number, instant, text, Boolean or empty result, node-opcua decodes while the message is decoded. So a message is refused as a whole for what it would be
// refused for otherwise, and takes as much from its budget. tests/partition/protocols/opcua/channel/read-results.test.ts holds it against the
// library.

import { DataValue } from "node-opcua-client";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isSensibleMs, ticksPerMs, unixEpochMs } from "../wire-numbers.ts";
import { nestingUnits, streamOver, take, type Stream } from "./decode-budget.ts";

const hasValue = 0x01;
const hasStatus = 0x02;
const hasSourceTime = 0x04;
const hasServerTime = 0x08;
const hasSourcePicoseconds = 0x10;
const hasServerPicoseconds = 0x20;

/** Of the value, by the first byte of a Variant; 0: it is no scalar of a fixed length. */
const fixedBytes = new Uint8Array(256);
for (const [type, bytes] of [
  [BuiltInType.Boolean, 1],
  [BuiltInType.SByte, 1],
  [BuiltInType.Byte, 1],
  [BuiltInType.Int16, 2],
  [BuiltInType.UInt16, 2],
  [BuiltInType.Int32, 4],
  [BuiltInType.UInt32, 4],
  [BuiltInType.Float, 4],
  [BuiltInType.Double, 8],
  [BuiltInType.Int64, 8],
  [BuiltInType.UInt64, 8],
  [BuiltInType.DateTime, 8],
  [BuiltInType.StatusCode, 4],
] as const)
  fixedBytes[type] = bytes;

/** The length of a String stands before it (OPC 10000-6, 5.2.2.4). */
const lengthBytes = 4;
const noText = -1;

/** Of what stands behind the value, by the mask; its other bits mean nothing. */
const restBytes = Uint8Array.from({ length: 256 }, (_, mask) =>
  [
    [hasStatus, 4],
    [hasSourceTime, 8],
    [hasSourcePicoseconds, 2],
    [hasServerTime, 8],
    [hasServerPicoseconds, 2],
  ].reduce((sum, [bit = 0, bytes = 0]) => ((mask & bit) === 0 ? sum : sum + bytes), 0),
);

/** A scalar, or nothing but a status. There is one of it in a thread, which the next one overwrites. */
export interface PlainValue {
  /** Null: it has no value. */
  readonly type: BuiltInType;
  /** A Boolean is 0 or 1. */
  readonly number: number;
  /** Of Int64, UInt64, DateTime and String, as in values/value.ts; of all others undefined. */
  readonly other: bigint | string | null | undefined;
  readonly status: number;
  /** NaN: there is none, or it is no sensible instant. */
  readonly sourceUnixMs: number;
  readonly sourceSubMsNs: number;
}

export class DataValues {
  #message: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #count = 0;
  /** Of each plain value; 0: it is decoded. */
  #starts = new Uint32Array(0);
  readonly #decoded = new Map<number, DataValue>();

  /** So many more are to be decoded of this message, which may say so as often as it likes. */
  expect(stream: Stream, count: number): void {
    if (this.#message !== stream.buffer) {
      this.#message = stream.buffer;
      const { buffer, byteOffset, byteLength } = stream.buffer;
      this.#view = new DataView(buffer, byteOffset, byteLength);
    }
    const needed = this.#count + count;
    if (needed <= this.#starts.length) return;
    const starts = new Uint32Array(Math.max(needed, 2 * this.#starts.length));
    starts.set(this.#starts);
    this.#starts = starts;
  }

  decodeNext(stream: Stream): void {
    const start = stream.length;
    const end = endOfPlain(this.#view, start);
    const position = this.#count++;
    if (end === undefined) {
      const value = new DataValue();
      value.decode(stream);
      this.#decoded.set(position, value);
      return;
    }
    if ((this.#view.getUint8(start) & hasValue) !== 0) take(stream, nestingUnits);
    this.#starts[position] = start;
    stream.length = end;
  }

  get count(): number {
    return this.#count;
  }

  /** Those that are not plain. */
  get decoded(): readonly DataValue[] {
    return [...this.#decoded.values()];
  }

  /** Undefined: it is not plain. */
  plain(position: number): PlainValue | undefined {
    const start = this.#starts[position] ?? 0;
    return start === 0 ? undefined : plainAt(this.#message, this.#view, start);
  }

  at(position: number): DataValue {
    const decoded = this.#decoded.get(position);
    if (decoded !== undefined) return decoded;
    const start = this.#starts[position] ?? 0;
    // Of a copy: it has taken from the budget of its message already.
    const bytes = Uint8Array.prototype.slice.call(this.#message, start, endOfPlain(this.#view, start));
    const value = new DataValue();
    value.decode(streamOver(Buffer.from(bytes.buffer)));
    return value;
  }
}

/** Undefined: it is not plain. Behind the end of the message when it is cut off: whatever is read next ends in a RangeError then. */
function endOfPlain(view: DataView, start: number): number | undefined {
  const mask = view.getUint8(start);
  const end = start + 1 + (restBytes[mask] as number);
  if ((mask & hasValue) === 0) return end;
  const type = view.getUint8(start + 1);
  const bytes = (fixedBytes[type] as number) || (type === BuiltInType.String ? bytesOfText(view, start + 2) : 0);
  return bytes === 0 ? undefined : end + 1 + bytes;
}

/** With its length; 0: it is not plain. */
function bytesOfText(view: DataView, at: number): number {
  const textBytes = view.getInt32(at, true);
  if (textBytes === noText) return lengthBytes;
  return textBytes >= 0 ? lengthBytes + textBytes : 0;
}

const plain = {
  type: BuiltInType.Null as BuiltInType,
  number: 0.5,
  other: undefined as PlainValue["other"],
  status: 0,
  sourceUnixMs: Number.NaN,
  sourceSubMsNs: 0,
};

function plainAt(message: Buffer, view: DataView, start: number): PlainValue {
  const mask = view.getUint8(start);
  let at = start + 1;
  plain.type = BuiltInType.Null;
  if ((mask & hasValue) !== 0) {
    plain.type = view.getUint8(at) as BuiltInType;
    at = takeValue(message, view, at + 1);
  }
  plain.status = 0;
  if ((mask & hasStatus) !== 0) {
    plain.status = view.getUint32(at, true);
    at += 4;
  }
  plain.sourceUnixMs = Number.NaN;
  if ((mask & hasSourceTime) !== 0) {
    const picosecondsAt = at + 8;
    const tens = (mask & hasSourcePicoseconds) === 0 ? 0 : view.getUint16(picosecondsAt, true);
    takeInstant(view.getUint32(at, true), view.getUint32(at + 4, true), tens);
  }
  return plain;
}

/** The result is its end. */
function takeValue(message: Buffer, view: DataView, at: number): number {
  switch (plain.type) {
    case BuiltInType.Int64:
    case BuiltInType.DateTime:
      plain.other = view.getBigInt64(at, true);
      break;
    case BuiltInType.UInt64:
      plain.other = view.getBigUint64(at, true);
      break;
    case BuiltInType.String: {
      const end = at + bytesOfText(view, at);
      plain.other = view.getInt32(at, true) === noText ? null : message.toString("utf8", at + lengthBytes, end);
      return end;
    }
    default:
      plain.other = undefined;
      plain.number = numberAt(view, at, plain.type);
  }
  return at + (fixedBytes[plain.type] as number);
}

function numberAt(view: DataView, at: number, type: BuiltInType): number {
  switch (type) {
    case BuiltInType.Boolean:
      return view.getUint8(at) === 0 ? 0 : 1;
    case BuiltInType.SByte:
      return view.getInt8(at);
    case BuiltInType.Byte:
      return view.getUint8(at);
    case BuiltInType.Int16:
      return view.getInt16(at, true);
    case BuiltInType.UInt16:
      return view.getUint16(at, true);
    case BuiltInType.Int32:
      return view.getInt32(at, true);
    case BuiltInType.UInt32:
    case BuiltInType.StatusCode:
      return view.getUint32(at, true);
    case BuiltInType.Float:
      return view.getFloat32(at, true);
    default:
      return view.getFloat64(at, true);
  }
}

/** 2^32 ticks are so many milliseconds and ticks. */
const msInHighWord = Math.floor(2 ** 32 / ticksPerMs);
const ticksInHighWord = 2 ** 32 % ticksPerMs;

/** 100 ns ticks since 1601 in two words, and tens of picoseconds (OPC 10000-4, 7.11). Every step is exact below 2^53. */
function takeInstant(low: number, high: number, tensOfPicoseconds: number): void {
  const ticks = high * ticksInHighWord + low;
  const ms = Math.floor(ticks / ticksPerMs);
  const unixMs = high * msInHighWord + ms - unixEpochMs;
  if (!isSensibleMs(unixMs)) return;
  plain.sourceUnixMs = unixMs;
  const subMsNs = (ticks - ms * ticksPerMs) * 100 + Math.floor(tensOfPicoseconds / 100);
  plain.sourceSubMsNs = Math.min(999_999, subMsNs);
}
