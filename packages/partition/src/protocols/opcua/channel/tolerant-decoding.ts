// Two things on which node-opcua's decoders lose more than the value that they concern. Calling `decodeTolerantly` mends both in the thread
// that does, and counts the elements of arrays (decode-budget.ts); tests/partition/protocols/opcua/channel/tolerant-decoding.test.ts fails when the library changes underneath.
//
// Status codes (OPC 10000-4, 7.39): those that are not in the library's table, a vendor's or a later edition's, become plain Bad, and a
// value that is good or uncertain is lost. All status codes of all messages are looked up in one table of the package node-opcua-status-code;
// behind it now stands a prototype that knows every code.
//
// Matrices (OPC 10000-6, 5.2.2.16): one whose dimensions do not multiply up to its elements makes the library end the connection, so that
// one node of a server keeps all others from being read. It comes through as it is; `hasConsistentDimensions` tells.

import { DataType, StatusCodes, Variant, VariantArrayType } from "node-opcua-client";
import { ConstantStatusCode, _installStatusCodes, coerceStatusCode } from "node-opcua-status-code";
import { takeElements, type Stream } from "./decode-budget.ts";

/** False for a matrix whose dimensions contradict the number of its elements; without dimensions it is an array. */
export function hasConsistentDimensions({ arrayType, dimensions, value }: Variant): boolean {
  if (arrayType !== VariantArrayType.Matrix || !Array.isArray(dimensions) || dimensions.length === 0) return true;
  const elements = (value as { readonly length: number } | null)?.length ?? 0;
  return dimensions.reduce((product, size) => product * size, 1) === elements;
}

let isDone = false;

export function decodeTolerantly(): void {
  if (isDone) return;
  isDone = true;
  knowEveryStatusCode();
  decodeArraysOurselves();
}

function statusCodeOf(value: number): ConstantStatusCode {
  const name = `0x${value.toString(16).padStart(8, "0")}`;
  return new ConstantStatusCode({ value, name, description: "a status code that this program does not know" });
}

/**
 * The table is an object from decimal code (without info bits) to status code, which the library does not show; new entries go in by the
 * function that fills it, under `value.toString()`. An entry "__proto__" becomes what is asked for the codes that the table does not have.
 */
function knowEveryStatusCode(): void {
  const everyOther = new Proxy(StatusCodes.Bad, {
    get: (_target, key) => {
      if (key === "value") return "__proto__";
      return typeof key === "string" && /^\d+$/.test(key) ? statusCodeOf(Number(key)) : undefined;
    },
  });
  _installStatusCodes({ everyOther }, StatusCodes.Bad, coerceStatusCode);
}

/** Bits of the encoding byte. */
const arrayFlag = 0x80;
const dimensionsFlag = 0x40;
const typeMask = 0x3f;
const nullType = 0;

/** ExtensionObject, DataValue, Variant: what is in them is shown as text. */
const firstNestingType: number = DataType.ExtensionObject;
/** Values around the one that is being decoded. */
let depth = 0;

function nest(decode: () => void): void {
  depth++;
  try {
    decode();
  } finally {
    depth--;
  }
}

/**
 * An encoding byte, a length, the elements, and the dimensions of a matrix. The dimensions are read here: the library sees an array. An array
 * of Null has elements without bytes; no server may send one.
 */
function decodeArraysOurselves(): void {
  const decode = Reflect.get(Variant.prototype, "decode");
  Variant.prototype.decode = function (this: Variant, stream): void {
    const { buffer, length: offset } = stream;
    const encoding = buffer.readUInt8(offset);
    const type = encoding & typeMask;
    if ((encoding & arrayFlag) === 0) {
      if (type < firstNestingType) decode.call(this, stream);
      else nest(() => decode.call(this, stream));
      return;
    }
    const count = Math.max(0, buffer.readInt32LE(offset + 1));
    if (type === nullType && count > 0)
      throw new RangeError("cannot decode an array of Null because Null has no values");
    takeElements(stream, type, count, depth > 0);
    const isMatrix = (encoding & dimensionsFlag) !== 0;
    if (isMatrix) buffer.writeUInt8(encoding & ~dimensionsFlag, offset);
    nest(() => decode.call(this, stream));
    if (!isMatrix) return;
    buffer.writeUInt8(encoding, offset);
    this.arrayType = VariantArrayType.Matrix;
    this.dimensions = readDimensions(stream);
  };
}

function readDimensions(stream: Stream): number[] {
  const count = Math.max(0, stream.readInteger());
  stream.checkArrayLength(count);
  return Array.from({ length: count }, () => stream.readUInt32());
}
