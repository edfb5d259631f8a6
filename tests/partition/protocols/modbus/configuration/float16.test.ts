import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bitsOfFloat16,
  numberOfFloat16,
} from "../../../../../packages/partition/src/protocols/modbus/configuration/float16.ts";

/** What a runtime that knows Float16 makes of it. */
const view = new DataView(new ArrayBuffer(2));
const skip = !("getFloat16" in view);

function bitsByRuntime(value: number): number {
  view.setFloat16(0, value);
  return view.getUint16(0);
}

test("a Float16 is the number that IEEE 754 says", () => {
  const bits = [0x3c00, 0xc0a0, 0x0001, 0x8000, 0x03ff, 0x0400, 0x7bff, 0x7c00, 0xfc00, 0x7e00];
  const numbers = [1, -2.3125, 2 ** -24, -0, 2 ** -14 - 2 ** -24, 2 ** -14, 65_504, Infinity, -Infinity, NaN];
  assert.deepEqual(bits.map(numberOfFloat16), numbers);
  assert.deepEqual(numbers.slice(0, -1).map(bitsOfFloat16), bits.slice(0, -1));
});

test("all Float16s, and the numbers between them, are what the runtime makes of them", { skip }, () => {
  for (let bits = 0; bits < 0x1_0000; bits++) {
    view.setUint16(0, bits);
    const number = view.getFloat16(0);
    if (!Object.is(numberOfFloat16(bits), number)) assert.fail(`${bits} is not ${numberOfFloat16(bits)} but ${number}`);
    if (Number.isNaN(number)) continue;
    const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(number))) - 10));
    for (const part of [0, 0.25, 0.5, 0.5 - 1e-9, 0.5 + 1e-9, 1]) {
      const value = Number.isFinite(number) ? number + part * step : number;
      if (bitsOfFloat16(value) !== bitsByRuntime(value))
        assert.fail(`${value} is not ${bitsOfFloat16(value)} but ${bitsByRuntime(value)}`);
    }
  }
});
