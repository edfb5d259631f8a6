import assert from "node:assert/strict";
import { test } from "node:test";

import { mbap } from "../../../../../packages/partition/src/protocols/modbus/framing/mbap.ts";

function view(bytes: readonly number[]): DataView {
  return new DataView(Uint8Array.from(bytes).buffer);
}

// prettier-ignore
const wholeFrame = [
  0x12, 0x34, // transaction id
  0x00, 0x00, // protocol id: Modbus
  0x00, 0x05, // length: unit id and four bytes of PDU
  0x11,       // unit id
  0x03,       // PDU: function code
  0x02,       //      byte count
  0xab, 0xcd, //      one register
];

test("a header is written field by field, big-endian", () => {
  const target = new Uint8Array(mbap.headerBytes);
  mbap.seal(new DataView(target.buffer), 0x1234, 0x11, 5);
  // prettier-ignore
  assert.deepEqual([...target], [
    0x12, 0x34, // transaction id
    0x00, 0x00, // protocol id
    0x00, 0x06, // length: unit id and five bytes of PDU
    0x11,       // unit id
  ]);
});

test("a whole frame is found at any offset, and where it ends", () => {
  assert.deepEqual(mbap.decode(view(wholeFrame), 0, wholeFrame.length), {
    kind: "frame",
    transactionId: 0x1234,
    unitId: 0x11,
    pduOffset: 7,
    pduEndOffset: 11,
    endOffset: 11,
  });
  const shifted = mbap.decode(view([0xff, 0xff, 0xff, ...wholeFrame, 0xee]), 3, 3 + wholeFrame.length + 1);
  assert.deepEqual(shifted, {
    kind: "frame",
    transactionId: 0x1234,
    unitId: 0x11,
    pduOffset: 10,
    pduEndOffset: 14,
    endOffset: 14,
  });
});

test("a frame cut at any byte is incomplete, never malformed and never a frame", () => {
  for (let lengthBytes = 0; lengthBytes < wholeFrame.length; lengthBytes++) {
    assert.deepEqual(mbap.decode(view(wholeFrame), 0, lengthBytes), { kind: "incomplete" }, `${lengthBytes} bytes`);
  }
});

test("another protocol is malformed as soon as its id is there", () => {
  const http = view([...Buffer.from("HTTP/1.1 400 Bad Request\r\n")]);
  assert.deepEqual(mbap.decode(http, 0, 3), { kind: "incomplete" });
  assert.deepEqual(mbap.decode(http, 0, 4), {
    kind: "malformed",
    field: "protocol id",
    expected: "0",
    actual: 0x5450, // "TP"
  });
  // prettier-ignore
  const tlsAlert = view([
    0x15,       // content type: alert
    0x03, 0x03, // TLS 1.2
    0x00, 0x02, // length
    0x02, 0x28, // fatal, handshake_failure
  ]);
  assert.equal(mbap.decode(tlsAlert, 0, 7).kind, "malformed");
});

test("only lengths of 2 to 254 can be a frame", () => {
  for (const [length, kind] of [
    [0, "malformed"],
    [1, "malformed"],
    [2, "incomplete"],
    [254, "incomplete"],
    [255, "malformed"],
    [0xffff, "malformed"],
  ] as const) {
    const header = view([0, 1, 0, 0, length >> 8, length & 0xff]);
    const result = mbap.decode(header, 0, 6);
    assert.equal(result.kind, kind, `length ${length}`);
    if (result.kind === "malformed") {
      assert.deepEqual(result, { kind: "malformed", field: "length", expected: "2 to 254", actual: length });
    }
  }
});
