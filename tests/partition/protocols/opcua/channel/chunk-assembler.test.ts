import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ChunkAssembler,
  ChunkError,
  type Chunk,
} from "../../../../../packages/partition/src/protocols/opcua/channel/chunk-assembler.ts";

const mostBytes = 1000;

function chunk(size: number, final = "F"): Buffer {
  const bytes = Buffer.alloc(Math.max(8, size), size);
  bytes.write(`MSG${final}`, 0, "latin1");
  bytes.writeUInt32LE(size, 4);
  return bytes;
}

function all(assembler: ChunkAssembler): Chunk[] {
  const taken: Chunk[] = [];
  for (let one = assembler.take(); one !== undefined; one = assembler.take()) taken.push(one);
  return taken;
}

const sizes = [8, 9, 500, 1000, 8, 8, 100];
const sent = Buffer.concat(sizes.map((size, index) => chunk(size, index % 2 === 0 ? "F" : "C")));

for (const pieceBytes of [1, 3, 7, 8, 64, 999, sent.length]) {
  test(`chunks in pieces of ${pieceBytes} bytes come out whole and in order`, () => {
    const assembler = new ChunkAssembler(() => mostBytes);
    const taken: Chunk[] = [];
    for (let offset = 0; offset < sent.length; offset += pieceBytes) {
      assembler.add(sent.subarray(offset, offset + pieceBytes));
      taken.push(...all(assembler));
    }
    assert.deepEqual(Buffer.concat(taken.map(({ bytes }) => bytes)), sent);
    assert.deepEqual(
      taken.map(({ bytes, isFinal }) => [bytes.length, isFinal]),
      sizes.map((size, index) => [size, index % 2 === 0]),
    );
  });
}

test("one piece may hold a hundred thousand chunks", () => {
  const assembler = new ChunkAssembler(() => mostBytes);
  assembler.add(Buffer.concat(Array.from({ length: 100_000 }, () => chunk(8))));
  assert.equal(all(assembler).length, 100_000);
});

test("a size that no chunk may have is an error with what came, and nothing is left", () => {
  for (const size of [0, 7, mostBytes + 1, 0xffff_ffff]) {
    const assembler = new ChunkAssembler(() => mostBytes);
    assembler.add(chunk(8));
    const wrong = chunk(8);
    wrong.writeUInt32LE(size, 4);
    assembler.add(wrong);
    assert.equal(assembler.take()?.bytes.length, 8);
    assert.throws(
      () => assembler.take(),
      (error) => error instanceof ChunkError && error.bytes.equals(wrong),
    );
    assert.equal(assembler.take(), undefined);
  }
});
