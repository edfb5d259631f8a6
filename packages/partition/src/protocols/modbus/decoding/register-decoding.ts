// From the bytes of a response to a value in the sink. The decoder of a point is chosen once, when the plan is made; using
// one is a plain call without a lookup, a comparison of texts or, for numbers of up to 53 bits, an allocation.
//
// Promises: what is put into the sink as good is the value that the registers hold, calculated as decimal-scaling.ts says. Registers that
// hold none get a status: BadNoData for a `<noValue>` of the point, BadDecodingError for a text that is none in its encoding and for digits
// that are none, BadOutOfRange for a number that scale and bias carry past the largest Double. NaN and infinities that a device sends are values of a Float or Double
// like any other (OPC 10000-6, 5.2.2.3); where they mean "no value", `<noValue>NaN</noValue>` says so.
//
// A bit is counted in the register's value after the word order is undone.

import type { ModbusPoint } from "../configuration/modbus-server.ts";
import { isIdentity } from "../configuration/decimal.ts";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { StatusCode } from "@cpc-partition/image/values/status-code";
import { scalingOf, type DecimalScaling } from "./decimal-scaling.ts";
import { chooseNoValue } from "./no-value.ts";
import { readForm, readWholeBcd } from "./register-forms.ts";
import { readsBits } from "../pdu.ts";
import { chooseTextReader, longestTextBytes } from "./register-text.ts";
import { byteOrderOf, readHalf, REGISTER_BYTES, type ByteOrder, type ReadNumber } from "./word-order.ts";

/**
 * Puts one value into the sink. `dataOffset` is where the response's data starts in `bytes`, `distance` how many addresses
 * after the request's first one the point lies.
 */
export type Decode = (bytes: DataView, dataOffset: number, distance: number, sink: PointSink, index: number) => void;

type ReadWhole = (bytes: DataView, offset: number) => bigint;

type WideInteger = typeof BuiltInType.Int64 | typeof BuiltInType.UInt64;

const utf8Text = { encoding: "UTF-8", charactersPerRegister: 2 } as const;

/** Bytes to reserve in the process image for a point's text; 0 when the value is a scalar. */
export function textCapacityBytes(point: ModbusPoint): number {
  return point.wireType === BuiltInType.String ? longestTextBytes(point.width, point.text ?? utf8Text) : 0;
}

/** Throws a RangeError for a type that registers cannot carry. */
export function chooseDecoder(point: ModbusPoint): Decode {
  if (readsBits(point.functionCode)) return decodeBit;
  const order = byteOrderOf(point.wordOrder);
  const { type, wireType, noValue, form, factorAddress } = point;
  if (wireType === BuiltInType.String) return decodeText(point, order);
  const chooseReader = form === undefined ? numberReaders.get(wireType) : undefined;
  if (form === undefined && chooseReader === undefined) {
    throw new RangeError(`cannot decode ${point.key} because registers do not carry type number ${wireType}`);
  }
  const read = chooseReader?.(order, point.bit) ?? readForm(form ?? "lowByte", wireType, point.width, order);
  const isScaled = !isIdentity(point.scale, point.bias);
  let readWhole: ReadWhole | undefined;
  if (isWide(wireType)) readWhole = form === "bcd" ? readWholeBcd(point.width, order) : readBigInteger(wireType, order);
  let decode: Decode;
  if (factorAddress !== undefined) decode = decodeWithFactor(point, factorAddress - point.address, read, readWhole);
  else if (readWhole !== undefined && isScaled) decode = decodeScaledWide(point, read, readWhole);
  else if (readWhole !== undefined && isWide(type)) decode = decodeWide(type, readWhole);
  else if (isScaled) decode = decodeScaled(point, read);
  else decode = decodePlain(type, read);
  if (form === "bcd") decode = unlessNoDigits(read, decode);
  if (noValue === undefined) return decode;
  const hasNoValue = chooseNoValue(noValue, point, order, read);
  return (bytes, dataOffset, distance, sink, index) => {
    if (hasNoValue(bytes, dataOffset + distance * REGISTER_BYTES)) sink.setStatus(index, StatusCode.BadNoData);
    else decode(bytes, dataOffset, distance, sink, index);
  };
}

function isWide(type: BuiltInType): type is WideInteger {
  return type === BuiltInType.Int64 || type === BuiltInType.UInt64;
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

function decodePlain(type: BuiltInType, read: ReadNumber): Decode {
  return (bytes, dataOffset, distance, sink, index) =>
    sink.setNumber(index, type, read(bytes, dataOffset + distance * REGISTER_BYTES));
}

function decodeScaled({ scale, bias, type }: ModbusPoint, read: ReadNumber): Decode {
  const { largest, numerator, addend, denominator, ofNumber } = scalingOf(scale, bias);
  return (bytes, dataOffset, distance, sink, index) => {
    const raw = read(bytes, dataOffset + distance * REGISTER_BYTES);
    if (Math.abs(raw) <= largest) {
      sink.setNumber(index, type, (raw * numerator + addend) / denominator);
      return;
    }
    const value = ofNumber(raw);
    if (Number.isFinite(value) || !Number.isFinite(raw)) sink.setNumber(index, type, value);
    else sink.setStatus(index, StatusCode.BadOutOfRange);
  };
}

function decodeScaledWide({ scale, bias, type }: ModbusPoint, read: ReadNumber, readWhole: ReadWhole): Decode {
  const scaling = scalingOf(scale, bias);
  return (bytes, dataOffset, distance, sink, index) => {
    const offset = dataOffset + distance * REGISTER_BYTES;
    const raw = read(bytes, offset);
    const value = Number.isSafeInteger(raw) ? scaling.ofNumber(raw) : scaling.ofWhole(readWhole(bytes, offset));
    if (Number.isFinite(value)) sink.setNumber(index, type, value);
    else sink.setStatus(index, StatusCode.BadOutOfRange);
  };
}

/** SunSpec Device Information Model Specification, 4.3 "sunssf": from -10 to 10, or not implemented. */
const largestExponent = 10;
const exponentNotImplemented = -0x8000;

/** `factorDistance`: from the value to the register with its decimal exponent, which is in the same response. */
function decodeWithFactor(
  { scale, bias, type, wordOrder }: ModbusPoint,
  factorDistance: number,
  read: ReadNumber,
  readWhole: ReadWhole | undefined,
): Decode {
  const { littleEndian } = byteOrderOf(wordOrder);
  const scalings: (DecimalScaling | undefined)[] = [];
  return (bytes, dataOffset, distance, sink, index) => {
    const offset = dataOffset + distance * REGISTER_BYTES;
    const exponent = bytes.getInt16(offset + factorDistance * REGISTER_BYTES, littleEndian);
    if (exponent === exponentNotImplemented) return sink.setStatus(index, StatusCode.BadNoData);
    if (Math.abs(exponent) > largestExponent) return sink.setStatus(index, StatusCode.BadOutOfRange);
    const scaling = (scalings[largestExponent + exponent] ??= scalingOf(scale, bias, exponent));
    const raw = read(bytes, offset);
    const isExact = readWhole === undefined || Number.isSafeInteger(raw);
    const value = isExact ? scaling.ofNumber(raw) : scaling.ofWhole(readWhole(bytes, offset));
    if (Number.isFinite(value) || !Number.isFinite(raw)) sink.setNumber(index, type, value);
    else sink.setStatus(index, StatusCode.BadOutOfRange);
  };
}

/** A decimal digit above 9 makes the value bad. */
function unlessNoDigits(read: ReadNumber, decode: Decode): Decode {
  return (bytes, dataOffset, distance, sink, index) => {
    const isNumber = !Number.isNaN(read(bytes, dataOffset + distance * REGISTER_BYTES));
    if (isNumber) decode(bytes, dataOffset, distance, sink, index);
    else sink.setStatus(index, StatusCode.BadDecodingError);
  };
}

function decodeWide(type: WideInteger, readWhole: ReadWhole): Decode {
  return (bytes, dataOffset, distance, sink, index) => {
    const value = readWhole(bytes, dataOffset + distance * REGISTER_BYTES);
    sink.setValue(index, { type, value }, StatusCode.Good);
  };
}

function readBigInteger(type: WideInteger, order: ByteOrder): ReadWhole {
  const high = readHalf(0, 4, order);
  const low = readHalf(2, 4, order);
  return (bytes, offset) => {
    scratch.setUint32(0, high(bytes, offset));
    scratch.setUint32(4, low(bytes, offset));
    return type === BuiltInType.Int64 ? scratch.getBigInt64(0) : scratch.getBigUint64(0);
  };
}

function decodeText({ width, text }: ModbusPoint, order: ByteOrder): Decode {
  const read = chooseTextReader(width, text ?? utf8Text, order);
  return (bytes, dataOffset, distance, sink, index) => {
    const value = read(bytes, dataOffset + distance * REGISTER_BYTES);
    if (value === undefined) sink.setStatus(index, StatusCode.BadDecodingError);
    else sink.setValue(index, { type: BuiltInType.String, value }, StatusCode.Good);
  };
}
