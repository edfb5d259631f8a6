// The addresses of a simulated device, filled from the points that a configuration reads out of it.
//
// Promises: every point decodes, with its own type, word order, bit, scale and bias, to a plausible moving value.
// Does not: settle quarrels; where two points claim an address, the first one in the configuration has it.

import type {
  ModbusPoint,
  ModbusText,
  ReadFunction,
  RegisterForm,
  WordOrder,
} from "cpc-partition/protocols/modbus/configuration/modbus-server";
import { bitsOfFloat16 } from "cpc-partition/protocols/modbus/configuration/float16";
import { isIdentity } from "cpc-partition/protocols/modbus/configuration/decimal";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { ModbusTable } from "./modbus-device.ts";
import {
  anything,
  movingBit,
  movingNumber,
  movingText,
  movingWithin,
  rangeOf,
  wrap,
  type Range,
} from "./moving-values.ts";

type Cell = (atMs: number) => number;

export function modbusTable(points: readonly ModbusPoint[]): ModbusTable {
  const cells = new Map<number, Cell>();
  const bits = new Map<number, ModbusPoint[]>();
  for (const point of points) {
    const key = cellKey(point.functionCode, point.unitId, point.address);
    if (point.functionCode >= 3 && point.bit >= 0) {
      bits.set(key, [...(bits.get(key) ?? []), point]);
      continue;
    }
    if (point.factorAddress !== undefined) {
      const factorKey = cellKey(point.functionCode, point.unitId, point.factorAddress);
      const exponent = turnsBytes(point.wordOrder) ? swapBytes(simulatedExponent & 0xffff) : simulatedExponent & 0xffff;
      cells.set(factorKey, () => exponent);
    }
    for (const [i, cell] of cellsOf(point).entries()) if (!cells.has(key + i)) cells.set(key + i, cell);
  }
  for (const [key, ofRegister] of bits) if (!cells.has(key)) cells.set(key, registerOfBits(ofRegister));
  return (functionCode, unitId, address, atMs) => cells.get(cellKey(functionCode, unitId, address))?.(atMs);
}

function cellKey(functionCode: ReadFunction, unitId: number, address: number): number {
  return (functionCode * 256 + unitId) * 0x10000 + address;
}

/** A bit is counted in the register's value, that is, after the word order's turning of its bytes. */
function registerOfBits(points: readonly ModbusPoint[]): Cell {
  const bits = points.map(({ key, bit, wordOrder }) => {
    const mask = turnsBytes(wordOrder) ? swapBytes(1 << bit) : 1 << bit;
    const isSet = movingBit(key);
    return (atMs: number) => (isSet(atMs) ? mask : 0);
  });
  return (atMs) => bits.reduce((word, bit) => word | bit(atMs), 0);
}

/** One cell for each address of the point. */
function cellsOf(point: ModbusPoint): Cell[] {
  if (point.functionCode <= 2) {
    const bit = movingBit(point.key);
    return [(atMs) => Number(bit(atMs))];
  }
  const write = registerWriter(point);
  return Array.from({ length: point.width }, (_, i) => (atMs) => {
    const bytes = new DataView(new ArrayBuffer(2 * point.width));
    write(bytes, atMs);
    return registerOf(bytes, i, point);
  });
}

/** Fills the point's bytes in the order ABCD. */
function registerWriter(point: ModbusPoint): (bytes: DataView, atMs: number) => void {
  const { wireType, form } = point;
  if (wireType === BuiltInType.String) {
    const text = movingText(point.key);
    const encode = textEncoder(point.text);
    return (bytes, atMs) => encode(text(atMs), new Uint8Array(bytes.buffer));
  }
  if (wireType === BuiltInType.Boolean) {
    const bit = movingBit(point.key);
    return (bytes, atMs) => bytes.setUint16(0, Number(bit(atMs)));
  }
  const write = form === undefined ? (numberWriters.get(wireType) ?? writeRegister) : formWriters[form];
  const raw = movingRaw(point);
  return (bytes, atMs) => write(bytes, raw(atMs));
}

/** What the registers hold, before scale and bias: of a value as the point has it, where the registers have room for that. */
function movingRaw(point: ModbusPoint): (atMs: number) => number {
  const { key, unit, wireType } = point;
  const isScaled = !isIdentity(point.scale, point.bias);
  const isPlain = !isScaled && point.factorAddress === undefined;
  const factor = point.factorAddress === undefined ? 1 : 10 ** -simulatedExponent;
  const rawOf = (value: number): number => ((value - Number(point.bias)) / Number(point.scale)) * factor;
  const isWhole = wireType !== BuiltInType.Float && wireType !== BuiltInType.Double;
  const { lowest, highest } = rangeOf(key, unit);
  const ends = [rawOf(lowest), rawOf(highest)];
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const room = roomOf(point);
  // A counter that is not scaled overflows as one of a device does.
  if (isPlain || (high - low >= room.step && low >= room.lowest && high <= room.highest)) {
    const number = movingNumber(key, unit, !isScaled && isWhole);
    return (atMs) => rawOf(number(atMs));
  }
  return movingWithin(anything, key, true);
}

/** `step`: what moves by less hardly moves there. */
interface Room extends Range {
  readonly step: number;
}

const wholeSteps = 20;

function roomOf({ form, wireType, width }: ModbusPoint): Room {
  switch (form) {
    case "float16":
      return { lowest: -65_504, highest: 65_504, step: 0.1 };
    case "bcd":
      return { lowest: 0, highest: 10 ** (4 * width) - 1, step: wholeSteps };
    default: {
      const bits = form === undefined ? 16 * width : 8;
      if (wireType === BuiltInType.Float) return { lowest: -3.4e38, highest: 3.4e38, step: 1e-36 };
      if (wireType === BuiltInType.Double)
        return { lowest: -Number.MAX_VALUE, highest: Number.MAX_VALUE, step: 1e-300 };
      const isSigned = signedTypes.has(wireType);
      const values = 2 ** Math.min(bits, 53);
      const lowest = isSigned ? -values / 2 : 0;
      return { lowest, highest: lowest + values - 1, step: wholeSteps };
    }
  }
}

const signedTypes: ReadonlySet<BuiltInType> = new Set([
  BuiltInType.SByte,
  BuiltInType.Int16,
  BuiltInType.Int32,
  BuiltInType.Int64,
]);

/** Writes the characters that fit. The texts have none in which ISO-8859-1 and windows-1252 differ. */
function textEncoder(asked: ModbusText | undefined): (text: string, bytes: Uint8Array) => void {
  const { encoding, charactersPerRegister } = asked ?? { encoding: "UTF-8", charactersPerRegister: 2 };
  if (encoding === "UTF-16BE") {
    return (text, bytes) => bytes.set(Buffer.from(text, "utf16le").swap16().subarray(0, bytes.length));
  }
  return (text, bytes) => {
    const encoded = Buffer.alloc((bytes.length / 2) * charactersPerRegister);
    encoded.write(text, encoding === "UTF-8" ? "utf8" : "latin1");
    for (const [at, byte] of encoded.entries()) bytes[charactersPerRegister === 2 ? at : 2 * at + 1] = byte;
  };
}

type WriteNumber = (bytes: DataView, raw: number) => void;

const writeRegister: WriteNumber = (bytes, raw) => bytes.setUint16(0, wrap(BuiltInType.UInt16, raw));
const writeTwoRegisters: WriteNumber = (bytes, raw) => bytes.setUint32(0, wrap(BuiltInType.UInt32, raw));
const writeFourRegisters: WriteNumber = (bytes, raw) => bytes.setBigInt64(0, BigInt(Math.round(raw)));

const numberWriters: ReadonlyMap<BuiltInType, WriteNumber> = new Map([
  [BuiltInType.Int32, writeTwoRegisters],
  [BuiltInType.UInt32, writeTwoRegisters],
  [BuiltInType.Int64, writeFourRegisters],
  [BuiltInType.UInt64, writeFourRegisters],
  [BuiltInType.Float, (bytes, raw) => bytes.setFloat32(0, raw)],
  [BuiltInType.Double, (bytes, raw) => bytes.setFloat64(0, raw)],
]);

/** What the registers of scale factors hold. */
const simulatedExponent = -1;

const formWriters: Readonly<Record<RegisterForm, WriteNumber>> = {
  lowByte: (bytes, raw) => bytes.setUint8(1, Math.round(raw) & 0xff),
  highByte: (bytes, raw) => bytes.setUint8(0, Math.round(raw) & 0xff),
  float16: (bytes, raw) => bytes.setUint16(0, bitsOfFloat16(raw)),
  bcd: (bytes, raw) => {
    const digits = String(Math.abs(Math.round(raw)))
      .padStart(2 * bytes.byteLength, "0")
      .slice(-2 * bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at++) bytes.setUint8(at, Number(`0x${digits.slice(2 * at, 2 * at + 2)}`));
  },
};

/**
 * Register `i` as sent. CDAB and DCBA turn the words of a number round, BADC and DCBA the bytes of each word; the words of a
 * text stay in order.
 */
function registerOf(bytes: DataView, i: number, point: ModbusPoint): number {
  const words = bytes.byteLength / 2;
  const order = point.wordOrder;
  const wordsTurned = (order === "CDAB" || order === "DCBA") && point.wireType !== BuiltInType.String;
  return bytes.getUint16(2 * (wordsTurned ? words - 1 - i : i), turnsBytes(order));
}

function turnsBytes(order: WordOrder): boolean {
  return order === "BADC" || order === "DCBA";
}

function swapBytes(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}
