import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import type {
  ModbusPoint,
  WordOrder,
} from "../../../../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import { chooseDecoder } from "../../../../../packages/partition/src/protocols/modbus/decoding/register-decoding.ts";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../../../../packages/image/src/values/status-code.ts";
import { arrange, point, RecordingSink, type Seen } from "../../../../plant/modbus-points.ts";

/** Decodes a point that starts one register (or `distance` addresses) into the data. */
function decode(changes: Partial<ModbusPoint>, bytes: readonly number[], distance = 0): Seen | undefined {
  const sink = new RecordingSink();
  const padding = [0xee, 0xee];
  const view = new DataView(Uint8Array.from([...padding, ...bytes]).buffer);
  chooseDecoder(point(0, changes))(view, padding.length, distance, sink, 5);
  return sink.seen(5);
}

const orders: readonly WordOrder[] = ["ABCD", "CDAB", "BADC", "DCBA"];

/** `bytes` are in order; they arrive arranged, after `far` other registers. */
function check(wireType: BuiltInType, bytes: Buffer, value: unknown, wordOrder: WordOrder, far: number): void {
  const data = [...Buffer.alloc(far * 2, 0x5a), ...arrange(bytes, wordOrder)];
  assert.deepEqual(decode({ wireType, wordOrder }, data, far), { type: wireType, value });
}

function bytesOf(lengthBytes: number, write: (buffer: Buffer) => void): Buffer {
  const buffer = Buffer.alloc(lengthBytes);
  write(buffer);
  return buffer;
}

test("the four orders of 32 bits are 0xAABBCCDD as the table draws them", () => {
  const wireType = BuiltInType.UInt32;
  const expected = { type: BuiltInType.UInt32, value: 0xaabbccdd };
  assert.deepEqual(decode({ wireType, wordOrder: "ABCD" }, [0xaa, 0xbb, 0xcc, 0xdd]), expected);
  assert.deepEqual(decode({ wireType, wordOrder: "CDAB" }, [0xcc, 0xdd, 0xaa, 0xbb]), expected);
  assert.deepEqual(decode({ wireType, wordOrder: "BADC" }, [0xbb, 0xaa, 0xdd, 0xcc]), expected);
  assert.deepEqual(decode({ wireType, wordOrder: "DCBA" }, [0xdd, 0xcc, 0xbb, 0xaa]), expected);
});

test("the four orders of 64 bits are 0x1122334455667788 as the table draws them", () => {
  const wireType = BuiltInType.UInt64;
  const expected = { type: BuiltInType.UInt64, value: 0x1122334455667788n };
  const inOrder = [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88];
  assert.deepEqual(decode({ wireType, wordOrder: "ABCD" }, inOrder), expected);
  const reversedRegisters = [0x77, 0x88, 0x55, 0x66, 0x33, 0x44, 0x11, 0x22];
  assert.deepEqual(decode({ wireType, wordOrder: "CDAB" }, reversedRegisters), expected);
  const swappedBytes = [0x22, 0x11, 0x44, 0x33, 0x66, 0x55, 0x88, 0x77];
  assert.deepEqual(decode({ wireType, wordOrder: "BADC" }, swappedBytes), expected);
  assert.deepEqual(decode({ wireType, wordOrder: "DCBA" }, inOrder.toReversed()), expected);
});

test("every value of every number type comes back from every order", () => {
  const order = fc.constantFrom(...orders);
  const distance = fc.constantFrom(0, 1, 5);
  fc.assert(
    fc.property(order, distance, fc.integer({ min: -32768, max: 32767 }), (wordOrder, far, value) => {
      check(
        BuiltInType.Int16,
        bytesOf(2, (b) => b.writeInt16BE(value)),
        value,
        wordOrder,
        far,
      );
      check(
        BuiltInType.UInt16,
        bytesOf(2, (b) => b.writeUInt16BE(value & 0xffff)),
        value & 0xffff,
        wordOrder,
        far,
      );
    }),
  );
  fc.assert(
    fc.property(order, distance, fc.integer(), (wordOrder, far, value) => {
      check(
        BuiltInType.Int32,
        bytesOf(4, (b) => b.writeInt32BE(value)),
        value,
        wordOrder,
        far,
      );
      check(
        BuiltInType.UInt32,
        bytesOf(4, (b) => b.writeUInt32BE(value >>> 0)),
        value >>> 0,
        wordOrder,
        far,
      );
    }),
  );
  fc.assert(
    fc.property(order, distance, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (wordOrder, far, value) => {
      const bytes = bytesOf(8, (b) => b.writeBigInt64BE(value));
      check(BuiltInType.Int64, bytes, value, wordOrder, far);
      check(BuiltInType.UInt64, bytes, BigInt.asUintN(64, value), wordOrder, far);
    }),
  );
  fc.assert(
    fc.property(order, distance, fc.float(), fc.double(), (wordOrder, far, single, double) => {
      check(
        BuiltInType.Float,
        bytesOf(4, (b) => b.writeFloatBE(single)),
        single,
        wordOrder,
        far,
      );
      check(
        BuiltInType.Double,
        bytesOf(8, (b) => b.writeDoubleBE(double)),
        double,
        wordOrder,
        far,
      );
    }),
  );
});

const scaling = { scale: "0.1", bias: "-40" };

test("scale and bias make a Double of every integer type, in every order, 64 bits included", () => {
  assert.deepEqual(decode({ wireType: BuiltInType.UInt16, scale: "0.1" }, [0x01, 0xdf]), {
    type: BuiltInType.Double,
    value: 47.9,
  });
  assert.deepEqual(decode({ wireType: BuiltInType.Int16, ...scaling }, [0xff, 0xff]), {
    type: BuiltInType.Double,
    value: -40.1,
  });
  assert.deepEqual(decode({ wireType: BuiltInType.UInt32, ...scaling }, [0xff, 0xff, 0xff, 0xff]), {
    type: BuiltInType.Double,
    value: 429_496_689.5,
  });
  fc.assert(
    fc.property(fc.constantFrom(...orders), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (wordOrder, bits) => {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64BE(bits);
      const data = arrange(bytes, wordOrder);
      const changes = { wordOrder, ...scaling };
      for (const [wireType, raw] of [
        [BuiltInType.UInt64, bits],
        [BuiltInType.Int64, BigInt.asIntN(64, bits)],
      ] as const) {
        const value = Number(`${raw - 400n}e-1`);
        assert.deepEqual(decode({ wireType, ...changes }, data), { type: BuiltInType.Double, value });
      }
    }),
  );
});

test("a Float and a Double are scaled as well, and stay what they are when they are no finite number", () => {
  const float = (value: number, scale: string): Seen | undefined =>
    decode({ wireType: BuiltInType.Float, scale }, [...bytesOf(4, (b) => b.writeFloatBE(value))]);
  assert.deepEqual(float(479, "0.1"), { type: BuiltInType.Double, value: 47.9 });
  assert.deepEqual(float(2.5, "0.001"), { type: BuiltInType.Double, value: 0.0025 });
  assert.deepEqual(float(NaN, "0.1"), { type: BuiltInType.Double, value: NaN });
  assert.deepEqual(float(-Infinity, "0.1"), { type: BuiltInType.Double, value: -Infinity });
  assert.deepEqual(decode({ wireType: BuiltInType.Float }, [0x7f, 0xc0, 0, 0]), {
    type: BuiltInType.Float,
    value: NaN,
  });
});

test("a number that its scale carries past the largest Double is out of range", () => {
  const status = { status: StatusCode.BadOutOfRange };
  const scale = "1e308";
  assert.deepEqual(decode({ wireType: BuiltInType.UInt16, scale }, [0, 1]), { type: BuiltInType.Double, value: 1e308 });
  assert.deepEqual(decode({ wireType: BuiltInType.UInt16, scale }, [0, 2]), status);
  assert.deepEqual(decode({ wireType: BuiltInType.Float, scale }, [0x7f, 0, 0, 0]), status);
  assert.deepEqual(decode({ wireType: BuiltInType.Int64, scale }, [0xff, 0, 0, 0, 0, 0, 0, 0]), status);
});

test("a bit is counted from the least significant one of its register, after the bytes are put in order", () => {
  for (let bit = 0; bit < 16; bit++) {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16BE(1 << bit);
    for (let asked = 0; asked < 16; asked++) {
      const expected = { type: BuiltInType.Boolean, value: asked === bit ? 1 : 0 };
      for (const wordOrder of orders) {
        const data = arrange(bytes, wordOrder);
        assert.deepEqual(decode({ wireType: BuiltInType.Boolean, bit: asked, wordOrder }, data), expected);
      }
    }
  }
  assert.deepEqual(decode({ wireType: BuiltInType.Boolean }, [0, 0]), { type: BuiltInType.Boolean, value: 0 });
  assert.deepEqual(decode({ wireType: BuiltInType.Boolean }, [1, 0]), { type: BuiltInType.Boolean, value: 1 });
});

test("coils start at the least significant bit of the first byte", () => {
  // prettier-ignore
  const outputs = [
    0xcd, // 1100 1101: outputs 27 to 20 of the standard's example (6.1)
    0x6b, // 0110 1011: outputs 35 to 28
    0x05, // 0000 0101: outputs 38 to 36
  ];
  const on = new Set([0, 2, 3, 6, 7, 8, 9, 11, 13, 14, 16, 18]);
  for (let distance = 0; distance < 19; distance++) {
    for (const functionCode of [1, 2] as const) {
      const expected = { type: BuiltInType.Boolean, value: on.has(distance) ? 1 : 0 };
      assert.deepEqual(decode({ functionCode }, outputs, distance), expected, `output ${20 + distance}`);
    }
  }
});

test("a type that registers do not carry is refused when the decoder is chosen", () => {
  assert.throws(() => chooseDecoder(point(0, { wireType: BuiltInType.DateTime })), RangeError);
});
