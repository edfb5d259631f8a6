// How much may become of one message when it is decoded. A message of 4 MiB can claim millions of elements that have one byte on the wire and
// hundreds in memory, in arrays, in variants of variants, in structures of structures, in diagnostics that nobody reads.
//
// Every element of every array, and every level of a type that can nest, takes something out of the budget of its message; when nothing is
// left, decoding ends with a RangeError. The budget belongs to the memory in which the message lies: a structure that is decoded later,
// with type definitions of the server, takes from what its message left. Streams over other memory are not limited, since other users of
// node-opcua in the process are none of our business.
//
// tests/partition/protocols/opcua/channel/decode-budget.test.ts fails when the library changes underneath.

import { DataType, type Variant } from "node-opcua-client";
import { packTcpMessage } from "node-opcua-transport";

/** node-opcua's BinaryStream. */
export type Stream = Parameters<Variant["decode"]>[0];

/** In units of an element that takes some 150 bytes and 0.3 µs. */
export interface DecodeBudget {
  left: number;
}

/** A Variant, an ExtensionObject, a DiagnosticInfo: with what surrounds its decoding, an exception that is caught included. */
export const nestingUnits = 8;
/** An array of Booleans needs one word for each, and a number inside another value is made a text. */
const fewPerUnit = 4;
const booleanType: number = DataType.Boolean;
/** Alone they come as typed arrays over the message's own memory. */
const plainNumbers: ReadonlySet<number> = new Set([
  DataType.SByte,
  DataType.Byte,
  DataType.Int16,
  DataType.UInt16,
  DataType.Int32,
  DataType.UInt32,
  DataType.Float,
  DataType.Double,
]);

const budgets = new WeakMap<ArrayBufferLike, DecodeBudget>();
/** Most questions are about the latest of them. It is known by its view, since asking a view for its memory takes longer than all else here. */
let latestMessage: Buffer | undefined;
let latest: DecodeBudget | undefined;

/** A stream over the message, whose decoding may take so many units. What was left for an earlier message in the same memory is forgotten. */
export function streamWithin(
  message: Buffer,
  units: number,
): { readonly stream: Stream; readonly budget: DecodeBudget } {
  const budget = { left: units };
  budgets.set(message.buffer, budget);
  latestMessage = message;
  latest = budget;
  return { stream: new BinaryStream(message), budget };
}

/** Streams over a part of a value. */
const ofStructures = new WeakSet<Stream>();

/** A stream over a structure of a message, which takes from what the message has left. */
export function streamOver(bytes: Buffer): Stream {
  const stream = new BinaryStream(bytes);
  ofStructures.add(stream);
  return stream;
}

/** Elements of an array in a Variant; `isNested`: in another value, of which a text is made. */
export function takeElements(stream: Stream, type: number, count: number, isNested: boolean): void {
  const isNumber = plainNumbers.has(type);
  if (isNumber && !isNested && !ofStructures.has(stream)) return;
  take(stream, isNumber || type === booleanType ? count / fewPerUnit : count);
}

export function take(stream: Stream, units: number): void {
  const budget = stream.buffer === latestMessage ? latest : budgets.get(stream.buffer.buffer);
  if (budget === undefined) return;
  budget.left -= units;
  if (budget.left < 0) throw new RangeError("cannot decode the message because too much would become of it");
}

const nullLength = 0xffff_ffff;

/** OPC 10000-6, 5.2.5. It takes from the budget what the elements take. */
export function lengthOfArray(stream: Stream): number {
  const length = stream.readUInt32();
  if (length === nullLength) return 0;
  stream.checkArrayLength(length);
  return length;
}

/** The library's packages show it only as an argument. */
const BinaryStream = streamClass();

function streamClass(): new (bytes: Buffer) => Stream {
  let found: unknown;
  const probe = { binaryStoreSize: () => 0, encode: (stream: Stream) => void (found = stream.constructor) };
  packTcpMessage("HEL", probe as unknown as Parameters<typeof packTcpMessage>[1]);
  return found as new (bytes: Buffer) => Stream;
}

let isDone = false;

/** Done with the first connection, and not with the import. */
export function decodeWithinBudgets(): void {
  if (isDone) return;
  isDone = true;
  const streams = BinaryStream.prototype as Stream;
  const checkArrayLength = Reflect.get(streams, "checkArrayLength");
  const enterNestingLevel = Reflect.get(streams, "enterNestingLevel");
  streams.checkArrayLength = function (this: Stream, length): void {
    checkArrayLength.call(this, length);
    take(this, length);
  };
  streams.enterNestingLevel = function (this: Stream): void {
    take(this, nestingUnits);
    enterNestingLevel.call(this);
  };
}
