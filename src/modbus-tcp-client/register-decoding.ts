// From the bytes of a response to a value in the sink. The decoder of a point is chosen once, when the plan is made; using
// one is a plain call without a lookup, a comparison of texts or, for numbers of up to 53 bits, an allocation.
//
// Registers are big-endian (MODBUS Application Protocol V1.1b3, 4.2), but how a device spreads a longer value over several
// is its own business. The four orders, A being the most significant byte:
//
//   order   registers   bytes    16 bit   32 bit        64 bit
//   ABCD    in order    in order  AB      AB CD         AB CD EF GH
//   CDAB    reversed    in order  AB      CD AB         GH EF CD AB
//   BADC    in order    swapped   BA      BA DC         BA DC FE HG
//   DCBA    reversed    swapped   BA      DC BA         HG FE DC BA
//
// A bit is counted in the register's value after that. A String is its registers in order, high byte first (BADC and DCBA:
// low byte first), cut at the first NUL, UTF-8 with U+FFFD for what is not.

import type { ModbusPoint } from "../config/configuration.ts";
import { BuiltInType } from "../point/built-in-type.ts";
import type { PointSink } from "../point/point-sink.ts";
import { StatusCode } from "../point/status-code.ts";
import { readsBits } from "./pdu.ts";

/**
 * Puts one value into the sink. `dataOffset` is where the response's data starts in `bytes`, `distance` how many addresses
 * after the request's first one the point lies.
 */
export type Decode = (bytes: DataView, dataOffset: number, distance: number, sink: PointSink, index: number) => void;

/** Reads a number whose first register is at `offset`. */
type ReadNumber = (bytes: DataView, offset: number) => number;

interface ByteOrder {
  /** The least significant register comes first. */
  readonly reversed: boolean;
  /** In a register, the least significant byte comes first. */
  readonly littleEndian: boolean;
}

const REGISTER_BYTES = 2;
/** Every byte that is not UTF-8 becomes U+FFFD, which takes three. */
const UTF8_GROWTH = 3;

/** Bytes to reserve in the process image for a point's text; 0 when the value is a scalar. */
export function textCapacityBytes(point: ModbusPoint): number {
  return point.wireType === BuiltInType.String ? point.width * REGISTER_BYTES * UTF8_GROWTH : 0;
}

/** Throws a RangeError for a type that registers cannot carry. */
export function chooseDecoder(point: ModbusPoint): Decode {
  const { scale, bias, type, wireType } = point;
  if (readsBits(point.functionCode)) return decodeBit;
  const order: ByteOrder = {
    reversed: point.wordOrder === "CDAB" || point.wordOrder === "DCBA",
    littleEndian: point.wordOrder === "BADC" || point.wordOrder === "DCBA",
  };
  if (wireType === BuiltInType.String) return decodeText(point.width, order);
  const isScaled = scale !== 1 || bias !== 0;
  if (!isScaled && (wireType === BuiltInType.Int64 || wireType === BuiltInType.UInt64)) {
    return decodeBigInteger(wireType, order);
  }
  const chooseReader = numberReaders.get(wireType);
  if (chooseReader === undefined) {
    throw new RangeError(`cannot decode ${point.key} because registers do not carry type number ${wireType}`);
  }
  const read = chooseReader(order, point.bit);
  if (!isScaled) {
    return (bytes, dataOffset, distance, sink, index) =>
      sink.setNumber(index, type, read(bytes, dataOffset + distance * REGISTER_BYTES));
  }
  return (bytes, dataOffset, distance, sink, index) =>
    sink.setNumber(index, type, read(bytes, dataOffset + distance * REGISTER_BYTES) * scale + bias);
}

/** FC01 and FC02: the first address is the least significant bit of the first byte (6.1, 6.2). */
function decodeBit(bytes: DataView, dataOffset: number, distance: number, sink: PointSink, index: number): void {
  const bit = (bytes.getUint8(dataOffset + (distance >> 3)) >> (distance & 7)) & 1;
  sink.setNumber(index, BuiltInType.Boolean, bit);
}

/** Where bits become a number of another kind; never holds anything longer than one call. */
const scratch = new DataView(new ArrayBuffer(8));

const numberReaders: ReadonlyMap<BuiltInType, (order: ByteOrder, bit: number) => ReadNumber> = new Map([
  [BuiltInType.Boolean, readFlag],
  [
    BuiltInType.Int16,
    ({ littleEndian }) =>
      (bytes, offset) =>
        bytes.getInt16(offset, littleEndian),
  ],
  [
    BuiltInType.UInt16,
    ({ littleEndian }) =>
      (bytes, offset) =>
        bytes.getUint16(offset, littleEndian),
  ],
  [BuiltInType.Int32, readInt32],
  [BuiltInType.UInt32, (order) => readHalf(0, 2, order)],
  [BuiltInType.Int64, (order) => readWide(readHalf(0, 4, order), readHalf(2, 4, order), true)],
  [BuiltInType.UInt64, (order) => readWide(readHalf(0, 4, order), readHalf(2, 4, order), false)],
  [BuiltInType.Float, readFloat],
  [BuiltInType.Double, readDouble],
]);

/** 32 bits from the registers `significance` (0 = most significant) and the next one of a value of `registers` registers. */
function readHalf(significance: number, registers: number, { reversed, littleEndian }: ByteOrder): ReadNumber {
  const highOffset = (reversed ? registers - 1 - significance : significance) * REGISTER_BYTES;
  const lowOffset = (reversed ? registers - 2 - significance : significance + 1) * REGISTER_BYTES;
  return (bytes, offset) =>
    bytes.getUint16(offset + highOffset, littleEndian) * 0x1_0000 + bytes.getUint16(offset + lowOffset, littleEndian);
}

/** One bit of a register, or, without a bit, whether any is set. */
function readFlag({ littleEndian }: ByteOrder, bit: number): ReadNumber {
  if (bit < 0) return (bytes, offset) => (bytes.getUint16(offset) === 0 ? 0 : 1);
  return (bytes, offset) => (bytes.getUint16(offset, littleEndian) >> bit) & 1;
}

function readInt32(order: ByteOrder): ReadNumber {
  const read = readHalf(0, 2, order);
  return (bytes, offset) => read(bytes, offset) | 0;
}

/** 64 bits as a double. The sum is rounded once, as a conversion of the integer would be, because both parts are exact. */
function readWide(high: ReadNumber, low: ReadNumber, signed: boolean): ReadNumber {
  if (!signed) return (bytes, offset) => high(bytes, offset) * 0x1_0000_0000 + low(bytes, offset);
  return (bytes, offset) => (high(bytes, offset) | 0) * 0x1_0000_0000 + low(bytes, offset);
}

function readFloat(order: ByteOrder): ReadNumber {
  const read = readHalf(0, 2, order);
  return (bytes, offset) => {
    scratch.setUint32(0, read(bytes, offset));
    return scratch.getFloat32(0);
  };
}

function readDouble(order: ByteOrder): ReadNumber {
  const high = readHalf(0, 4, order);
  const low = readHalf(2, 4, order);
  return (bytes, offset) => {
    scratch.setUint32(0, high(bytes, offset));
    scratch.setUint32(4, low(bytes, offset));
    return scratch.getFloat64(0);
  };
}

function decodeBigInteger(type: typeof BuiltInType.Int64 | typeof BuiltInType.UInt64, order: ByteOrder): Decode {
  const high = readHalf(0, 4, order);
  const low = readHalf(2, 4, order);
  return (bytes, dataOffset, distance, sink, index) => {
    const offset = dataOffset + distance * REGISTER_BYTES;
    scratch.setUint32(0, high(bytes, offset));
    scratch.setUint32(4, low(bytes, offset));
    const value = type === BuiltInType.Int64 ? scratch.getBigInt64(0) : scratch.getBigUint64(0);
    sink.setValue(index, { type, value }, StatusCode.Good);
  };
}

function decodeText(registers: number, { littleEndian }: ByteOrder): Decode {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  const text = new Uint8Array(registers * REGISTER_BYTES);
  return (bytes, dataOffset, distance, sink, index) => {
    const offset = dataOffset + distance * REGISTER_BYTES;
    let lengthBytes = 0;
    for (; lengthBytes < text.length; lengthBytes++) {
      const byte = bytes.getUint8(offset + (littleEndian ? lengthBytes ^ 1 : lengthBytes));
      if (byte === 0) break;
      text[lengthBytes] = byte;
    }
    const value = utf8.decode(text.subarray(0, lengthBytes));
    sink.setValue(index, { type: BuiltInType.String, value }, StatusCode.Good);
  };
}
