import assert from "node:assert/strict";
import { test } from "node:test";

import {
  decodeResponse,
  encodeRequest,
  expectedByteCount,
  type ReadRange,
} from "../../../../packages/partition/src/protocols/modbus/pdu.ts";

function encode(range: ReadRange): number[] {
  const target = new Uint8Array(5);
  encodeRequest(new DataView(target.buffer), 0, range);
  return [...target];
}

function decode(range: ReadRange, pdu: readonly number[]): ReturnType<typeof decodeResponse> {
  return decodeResponse(new DataView(Uint8Array.from(pdu).buffer), 0, pdu.length, range);
}

test("requests are those of the standard's examples", () => {
  // 6.1: read discrete outputs 20 to 38
  // prettier-ignore
  assert.deepEqual(encode({ functionCode: 1, address: 0x13, quantity: 0x13 }), [
    0x01,       // function
    0x00, 0x13, // starting address
    0x00, 0x13, // quantity
  ]);
  // 6.2: read discrete inputs 197 to 218
  // prettier-ignore
  assert.deepEqual(encode({ functionCode: 2, address: 0xc4, quantity: 0x16 }), [
    0x02,       // function
    0x00, 0xc4, // starting address
    0x00, 0x16, // quantity
  ]);
  // 6.3: read registers 108 to 110
  // prettier-ignore
  assert.deepEqual(encode({ functionCode: 3, address: 0x6b, quantity: 3 }), [
    0x03,       // function
    0x00, 0x6b, // starting address
    0x00, 0x03, // quantity
  ]);
  // 6.4: read input register 9
  // prettier-ignore
  assert.deepEqual(encode({ functionCode: 4, address: 8, quantity: 1 }), [
    0x04,       // function
    0x00, 0x08, // starting address
    0x00, 0x01, // quantity
  ]);
});

test("responses are those of the standard's examples", () => {
  // prettier-ignore
  assert.deepEqual(decode({ functionCode: 1, address: 0x13, quantity: 0x13 }, [
    0x01, // function
    0x03, // byte count
    0xcd, // outputs 27 to 20
    0x6b, // outputs 35 to 28
    0x05, // outputs 38 to 36, five padding bits
  ]), { kind: "data", dataOffset: 2 });
  // prettier-ignore
  assert.deepEqual(decode({ functionCode: 3, address: 0x6b, quantity: 3 }, [
    0x03,       // function
    0x06,       // byte count
    0x02, 0x2b, // register 108
    0x00, 0x00, // register 109
    0x00, 0x64, // register 110
  ]), { kind: "data", dataOffset: 2 });
  // prettier-ignore
  assert.deepEqual(decode({ functionCode: 1, address: 0x4a1, quantity: 1 }, [
    0x81, // function, with the exception flag
    0x02, // illegal data address
  ]), { kind: "exception", code: 2 });
});

test("no function but FC01 to FC04 can be encoded", () => {
  for (let functionCode = -1; functionCode <= 0x1ff; functionCode++) {
    const range = { functionCode, address: 0, quantity: 1 } as ReadRange;
    if (functionCode >= 1 && functionCode <= 4) assert.equal(encode(range)[0], functionCode);
    else assert.throws(() => encode(range), RangeError, `function ${functionCode}`);
  }
});

test("no range outside the standard can be encoded", () => {
  const allowed: ReadRange[] = [
    { functionCode: 1, address: 0, quantity: 2000 },
    { functionCode: 2, address: 63_536, quantity: 2000 },
    { functionCode: 3, address: 65_411, quantity: 125 },
    { functionCode: 4, address: 65_535, quantity: 1 },
  ];
  for (const range of allowed) {
    assert.doesNotThrow(() => encode(range));
    assert.throws(() => encode({ ...range, quantity: 0 }), RangeError);
    assert.throws(() => encode({ ...range, quantity: -1 }), RangeError);
    assert.throws(() => encode({ ...range, quantity: range.functionCode <= 2 ? 2001 : 126 }), RangeError);
    assert.throws(() => encode({ ...range, address: 65_536 }), RangeError);
    assert.throws(() => encode({ ...range, address: -1 }), RangeError);
    assert.throws(() => encode({ ...range, address: 0.5 }), RangeError);
    assert.throws(() => encode({ ...range, quantity: NaN }), RangeError);
  }
  assert.throws(() => encode({ functionCode: 3, address: 65_535, quantity: 2 }), RangeError);
});

test("a byte count is one bit or two bytes per address", () => {
  assert.equal(expectedByteCount({ functionCode: 1, address: 0, quantity: 8 }), 1);
  assert.equal(expectedByteCount({ functionCode: 2, address: 0, quantity: 9 }), 2);
  assert.equal(expectedByteCount({ functionCode: 2, address: 0, quantity: 2000 }), 250);
  assert.equal(expectedByteCount({ functionCode: 4, address: 0, quantity: 125 }), 250);
});

test("every exception code is data, whatever its number", () => {
  for (let code = 0; code <= 255; code++) {
    assert.deepEqual(decode({ functionCode: 4, address: 0, quantity: 1 }, [0x84, code]), { kind: "exception", code });
  }
});

test("a reply with any other function code is malformed", () => {
  for (let functionCode = 0; functionCode <= 255; functionCode++) {
    if (functionCode === 0x03 || functionCode === 0x83) continue;
    assert.deepEqual(decode({ functionCode: 3, address: 0, quantity: 1 }, [functionCode, 2, 0, 0]), {
      kind: "malformed",
      field: "function code",
      expected: "3",
      actual: functionCode,
    });
  }
});

test("byte count and length must both be those of the request", () => {
  const range: ReadRange = { functionCode: 3, address: 0, quantity: 2 };
  assert.equal(decode(range, [3, 4, 0, 1, 0, 2]).kind, "data");
  for (let byteCount = 0; byteCount <= 255; byteCount++) {
    if (byteCount === 4) continue;
    const consistent = decode(range, [3, byteCount, ...Array.from({ length: byteCount }, () => 0)]);
    assert.deepEqual(consistent, { kind: "malformed", field: "byte count", expected: "4", actual: byteCount });
  }
  assert.deepEqual(decode(range, [3, 4, 0, 1, 0]), {
    kind: "malformed",
    field: "PDU length",
    expected: "6",
    actual: 5,
  });
  assert.deepEqual(decode(range, [3, 4, 0, 1, 0, 2, 0]), {
    kind: "malformed",
    field: "PDU length",
    expected: "6",
    actual: 7,
  });
  assert.equal(decode(range, [3]).kind, "malformed");
  assert.equal(decode(range, [0x83]).kind, "malformed");
  assert.equal(decode(range, [0x83, 2, 0]).kind, "malformed");
});
