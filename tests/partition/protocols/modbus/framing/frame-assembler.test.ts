import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { FrameAssembler } from "../../../../../packages/partition/src/protocols/modbus/framing/frame-assembler.ts";
import { mbap } from "../../../../../packages/partition/src/protocols/modbus/framing/mbap.ts";
import type { Malformed } from "../../../../../packages/partition/src/protocols/modbus/framing/framing.ts";

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function frameOf(transactionId: number, pdu: Uint8Array): Buffer {
  const header = Buffer.from([transactionId >> 8, transactionId & 0xff, 0, 0, 0, pdu.length + 1, 9]);
  return Buffer.concat([header, pdu]);
}

/** Pushes the stream in pieces of the given sizes, over and over, and tells what came out. */
function assemble(
  stream: Uint8Array,
  sizes: readonly number[],
): { frames: Buffer[]; malformed: Malformed | undefined } {
  const assembler = new FrameAssembler(mbap);
  const frames: Buffer[] = [];
  for (let offset = 0, piece = 0; offset < stream.length; piece++) {
    const chunk = stream.subarray(offset, offset + (sizes[piece % sizes.length] ?? 1));
    offset += chunk.length;
    const malformed = assembler.push(viewOf(chunk), chunk.length, (bytes, frame) => {
      const pdu = Buffer.from(bytes.buffer, bytes.byteOffset + frame.pduOffset, frame.pduEndOffset - frame.pduOffset);
      frames.push(frameOf(frame.transactionId ?? assert.fail("no id"), pdu));
      return undefined;
    });
    if (malformed !== undefined) return { frames, malformed };
  }
  assert.equal(assembler.pendingBytes, 0);
  return { frames, malformed: undefined };
}

const pdu = fc.uint8Array({ minLength: 1, maxLength: 253 });
const sizes = fc.array(fc.integer({ min: 1, max: 1200 }), { minLength: 1, maxLength: 8 });

test("frames come out whole and in order, in whatever pieces they arrive", () => {
  fc.assert(
    fc.property(fc.array(pdu, { maxLength: 12 }), sizes, (pdus, pieces) => {
      const sent = pdus.map((bytes, index) => frameOf(index, bytes));
      const stream = Buffer.concat(sent);
      assert.deepEqual(assemble(stream, pieces), { frames: sent, malformed: undefined });
      assert.deepEqual(assemble(stream, [1]), { frames: sent, malformed: undefined });
    }),
    { numRuns: 200 },
  );
});

test("what comes before a malformed header is delivered, and nothing after it", () => {
  const good = frameOf(7, Buffer.from([3, 2, 0, 1]));
  const stream = Buffer.concat([good, Buffer.from("HTTP/1.1 200 OK\r\n"), good]);
  for (const size of [1, 5, 1000]) {
    const { frames, malformed } = assemble(stream, [size]);
    assert.deepEqual(frames, [good]);
    assert.equal(malformed?.field, "protocol id");
  }
});

test("any bytes at all end in frames, in a malformed header or in waiting for more", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), sizes, (stream, pieces) => {
      const assembler = new FrameAssembler(mbap);
      for (let offset = 0, piece = 0; offset < stream.length; piece++) {
        const chunk = stream.subarray(offset, offset + (pieces[piece % pieces.length] ?? 1));
        offset += chunk.length;
        if (assembler.push(viewOf(chunk), chunk.length, () => undefined) !== undefined) return;
        assert.ok(assembler.pendingBytes < 260);
      }
    }),
  );
});
