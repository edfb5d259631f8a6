// The results of a Read (OPC 10000-4, 5.11.2), which stay bytes until somebody wants them: a poll has thousands of numbers, and objects would be made of each
// only to be taken apart again.
//
//   DataValue (OPC 10000-6, 5.2.2.17): mask | Variant | StatusCode | SourceTimestamp | SourcePicoseconds | ServerTimestamp | ServerPicoseconds
//                              bit:      u8 |  0x01   | 0x02, u32  |    0x04, i64    |     0x10, u16     |    0x08, i64    |    0x20, u16
//   Variant (5.2.2.16):   array 0x80, dimensions 0x40, type 0x3f | value
//
// What is no plain number, Boolean or empty result, node-opcua decodes while the message is decoded. So a message is refused as a whole for what it would be
// refused for otherwise, and takes as much from its budget. tests/partition/protocols/opcua/channel/read-results.test.ts holds it against the
// library.

import { DataValue, DiagnosticInfo, ReadResponse } from "node-opcua-client";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isSensibleMs, ticksPerMs, unixEpochMs } from "../wire-numbers.ts";
import { nestingUnits, streamOver, take, type Stream } from "./decode-budget.ts";

const hasValue = 0x01;
const hasStatus = 0x02;
const hasSourceTime = 0x04;
const hasServerTime = 0x08;
const hasSourcePicoseconds = 0x10;
const hasServerPicoseconds = 0x20;

/** Of the value, by the first byte of a Variant; 0: it is no plain scalar. */
const valueBytes = new Uint8Array(256);
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
] as const)
  valueBytes[type] = bytes;

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

const nullLength = 0xffff_ffff;

/** A result that is a number, a Boolean (0 or 1) or nothing but a status. There is one of it in a thread, which the next one overwrites. */
export interface PlainResult {
  /** Null: it has no value. */
  readonly type: BuiltInType;
  readonly value: number;
  readonly status: number;
  /** NaN: there is none, or it is no sensible instant. */
  readonly sourceUnixMs: number;
  readonly sourceSubMsNs: number;
}

export class ReadResults extends ReadResponse {
  #message: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Of each plain result; 0: it is decoded. */
  #starts = new Uint32Array(0);
  readonly #decoded = new Map<number, DataValue>();

  constructor() {
    super(null);
  }

  override decode(stream: Stream): void {
    this.responseHeader.decode(stream);
    this.#message = stream.buffer;
    const { buffer, byteOffset, byteLength } = stream.buffer;
    this.#view = new DataView(buffer, byteOffset, byteLength);
    const count = lengthOfArray(stream);
    this.#starts = new Uint32Array(count);
    for (let position = 0; position < count; position++) this.#decodeOne(stream, position);
    // Nobody reads them; a message is refused for them as for everything else.
    for (let left = lengthOfArray(stream); left > 0; left--) new DiagnosticInfo().decode(stream);
  }

  #decodeOne(stream: Stream, position: number): void {
    const start = stream.length;
    const end = endOfPlain(this.#view, start);
    if (end === undefined) {
      const result = new DataValue();
      result.decode(stream);
      this.#decoded.set(position, result);
      return;
    }
    if ((this.#view.getUint8(start) & hasValue) !== 0) take(stream, nestingUnits);
    this.#starts[position] = start;
    stream.length = end;
  }

  get count(): number {
    return this.#starts.length;
  }

  /** Those that are not plain. */
  get decoded(): Iterable<DataValue> {
    return this.#decoded.values();
  }

  /** Undefined: it is not plain. */
  plain(position: number): PlainResult | undefined {
    const start = this.#starts[position] ?? 0;
    return start === 0 ? undefined : plainAt(this.#view, start);
  }

  at(position: number): DataValue {
    const decoded = this.#decoded.get(position);
    if (decoded !== undefined) return decoded;
    const start = this.#starts[position] ?? 0;
    // Of a copy: it has taken from the budget of its message already.
    const bytes = Uint8Array.prototype.slice.call(this.#message, start, endOfPlain(this.#view, start));
    const result = new DataValue();
    result.decode(streamOver(Buffer.from(bytes.buffer)));
    return result;
  }
}

function lengthOfArray(stream: Stream): number {
  const length = stream.readUInt32();
  if (length === nullLength) return 0;
  stream.checkArrayLength(length);
  return length;
}

/** Undefined: the result is not plain. Behind the end of the message when it is cut off: whatever is read next ends in a RangeError then. */
function endOfPlain(view: DataView, start: number): number | undefined {
  const mask = view.getUint8(start);
  const end = start + 1 + (restBytes[mask] as number);
  if ((mask & hasValue) === 0) return end;
  const bytes = valueBytes[view.getUint8(start + 1)] as number;
  return bytes === 0 ? undefined : end + 1 + bytes;
}

const plain = {
  type: BuiltInType.Null as BuiltInType,
  value: 0.5,
  status: 0,
  sourceUnixMs: Number.NaN,
  sourceSubMsNs: 0,
};

function plainAt(view: DataView, start: number): PlainResult {
  const mask = view.getUint8(start);
  let at = start + 1;
  plain.type = BuiltInType.Null;
  if ((mask & hasValue) !== 0) {
    plain.type = view.getUint8(at) as BuiltInType;
    plain.value = valueAt(view, at + 1, plain.type);
    at += 1 + (valueBytes[plain.type] as number);
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

function valueAt(view: DataView, at: number, type: BuiltInType): number {
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
