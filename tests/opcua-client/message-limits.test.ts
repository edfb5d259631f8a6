import assert from "node:assert/strict";
import { test } from "node:test";

import { DataType, DataValue, ReadResponse, Variant, VariantArrayType } from "node-opcua-client";

import { largestMessageBytes } from "../../src/opcua-client/session/message-limits.ts";
import { chunksOf, receive, type Received } from "./response-chunks.ts";

function responseOf(variant: Variant): ReadResponse {
  const result = new DataValue({});
  result.value = variant;
  return new ReadResponse({ results: [result] });
}

/** A response with a Variant that looks like this on the wire, five bytes or more, whatever it means. */
function received(bytes: readonly number[]): Received {
  const placeholder = Buffer.from([DataType.ByteString, bytes.length - 5, 0, 0, 0, ...bytes.slice(5).map(() => 0xee)]);
  const chunks = chunksOf(responseOf(bytesOf(bytes.length - 5, 0xee)), 65_536);
  for (const chunk of chunks) chunk.set(bytes, chunk.indexOf(placeholder));
  return receive(chunks);
}

function bytesOf(lengthBytes: number, fill = 0): Variant {
  const value = Buffer.alloc(lengthBytes, fill);
  return new Variant({ dataType: DataType.ByteString, arrayType: VariantArrayType.Scalar, value });
}

test("elements that have no bytes on the wire cannot fill the memory", () => {
  // prettier-ignore
  const bomb = [
    0x80 | 24, 1, 0, 0, 0, // array of one Variant
    0x80,                  // array of Null
    0, 0, 0x10, 0,         // that claims 2^20 elements
  ];
  assert.deepEqual(received(bomb).messages, []);
  assert.deepEqual(received([0x80, 1, 0, 0, 0]).messages, []);
  assert.deepEqual(received([0xc0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]).messages, []);
});

test("an array of Null that claims nothing is a value", () => {
  for (const bytes of [
    [0x80, 0, 0, 0, 0],
    [0x80, 0xff, 0xff, 0xff, 0xff],
  ]) {
    assert.equal(received(bytes).messages.length, 1, bytes.join());
  }
});

test("a message is read up to our limit, whatever limit the server acknowledges", () => {
  for (const chunkBytes of [8192, 65_536]) {
    const almost = chunksOf(responseOf(bytesOf(largestMessageBytes - 40_000)), chunkBytes);
    assert.equal(receive(almost).messages.length, 1);
    const { messages, errors } = receive(chunksOf(responseOf(bytesOf(largestMessageBytes + 1)), chunkBytes));
    assert.deepEqual(messages, []);
    assert.equal(errors[0]?.name, "BadTcpMessageTooLarge");
  }
});

test("a message is not read from very many chunks that hold next to nothing", () => {
  const [whole] = chunksOf(responseOf(bytesOf(8)), 8192);
  assert.ok(whole);
  const chunks = Array.from({ length: 2000 }, (_, place) => {
    const chunk = Buffer.from(whole);
    chunk.write("C", 3, "latin1");
    chunk.writeUInt32LE(place + 1, 16);
    return chunk;
  });
  assert.equal(receive(chunks).errors[0]?.name, "BadTcpMessageTooLarge");
});
