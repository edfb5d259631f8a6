// Every reply that differs from the right one in one field, for each function at its smallest and largest quantities: nothing but the right
// bytes is data, nothing but an exception of that function is one.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { ReadFunction } from "../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { FrameAssembler } from "../../../../packages/partition/src/protocols/modbus/framing/frame-assembler.ts";
import { mbap } from "../../../../packages/partition/src/protocols/modbus/framing/mbap.ts";
import { decodeResponse, type ReadRange } from "../../../../packages/partition/src/protocols/modbus/pdu.ts";

const ranges: readonly ReadRange[] = ([1, 2, 3, 4] as const).flatMap((functionCode: ReadFunction) =>
  (functionCode <= 2 ? [1, 8, 9, 2000] : [1, 2, 125]).map((quantity) => ({ functionCode, address: 0, quantity })),
);

function byteCount({ functionCode, quantity }: ReadRange): number {
  return functionCode <= 2 ? Math.ceil(quantity / 8) : 2 * quantity;
}

interface Changes {
  readonly functionCode?: number;
  readonly byteCount?: number;
  readonly dataBytes?: number;
  readonly length?: number;
}

function replyTo(range: ReadRange, changes: Changes = {}): Buffer {
  const count = byteCount(range);
  const data = Buffer.alloc(changes.dataBytes ?? count, 0x55);
  const pdu = [changes.functionCode ?? range.functionCode, changes.byteCount ?? count, ...data];
  const length = changes.length ?? pdu.length + 1;
  return Buffer.from([0, 1, 0, 0, length >> 8, length & 0xff, 1, ...pdu]);
}

/** What came of the bytes: for each frame what it is, then the field that ended the stream, or how many bytes wait. */
function outcome(bytes: Buffer, range: ReadRange): string {
  const frames: string[] = [];
  const assembler = new FrameAssembler(mbap);
  const malformed = assembler.push(
    new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    bytes.length,
    (view, frame) => {
      const answer = decodeResponse(view, frame.pduOffset, frame.pduEndOffset, range);
      frames.push(answer.kind === "exception" ? `exception ${answer.code}` : answer.kind);
      return answer.kind === "malformed" ? answer : undefined;
    },
  );
  if (frames.at(-1) === "malformed") return frames.join(", ");
  if (malformed !== undefined) frames.push(malformed.field);
  else if (assembler.pendingBytes > 0) frames.push("waiting");
  return frames.join(", ");
}

for (const range of ranges) {
  const count = byteCount(range);
  const what = `FC0${range.functionCode}, quantity ${range.quantity}`;

  test(`${what}: the right reply is data, and cut at any byte it is not`, () => {
    const whole = replyTo(range);
    assert.equal(outcome(whole, range), "data");
    for (let lengthBytes = 1; lengthBytes < whole.length; lengthBytes++) {
      assert.equal(outcome(whole.subarray(0, lengthBytes), range), "waiting", `${lengthBytes} bytes`);
    }
  });

  test(`${what}: of all function codes two are answers`, () => {
    for (let functionCode = 0; functionCode <= 255; functionCode++) {
      const isRight = functionCode === range.functionCode;
      assert.equal(outcome(replyTo(range, { functionCode }), range), isRight ? "data" : "malformed");
      const isException = functionCode === range.functionCode + 0x80;
      const short = replyTo(range, { functionCode, byteCount: 2, dataBytes: 0 });
      assert.equal(outcome(short, range), isException ? "exception 2" : "malformed", `${functionCode}`);
    }
  });

  test(`${what}: every exception code is itself`, () => {
    for (let code = 0; code <= 255; code++) {
      const reply = replyTo(range, { functionCode: range.functionCode + 0x80, byteCount: code, dataBytes: 0 });
      assert.equal(outcome(reply, range), `exception ${code}`);
    }
  });

  test(`${what}: of all byte counts and amounts of data one is right`, () => {
    for (let other = 0; other <= 255; other++) {
      if (other === count) continue;
      assert.equal(outcome(replyTo(range, { byteCount: other }), range), "malformed", `byte count ${other}`);
      if (other > 251) continue;
      assert.equal(outcome(replyTo(range, { dataBytes: other }), range), "malformed", `${other} bytes of data`);
      const both = replyTo(range, { byteCount: other, dataBytes: other });
      assert.equal(outcome(both, range), "malformed", `byte count and data ${other}`);
    }
  });

  test(`${what}: of all lengths one is right`, () => {
    const right = count + 3;
    for (const length of [...Array.from({ length: 300 }, (_, index) => index), 0x7fff, 0x8000, 0xff00, 0xffff]) {
      if (length === right) continue;
      const seen = outcome(replyTo(range, { length }), range);
      if (length < 2 || length > 254) assert.equal(seen, "length", `${length}`);
      else if (length > right) assert.equal(seen, "waiting", `${length}`);
      else assert.equal(seen, "malformed", `${length}`);
    }
  });
}
