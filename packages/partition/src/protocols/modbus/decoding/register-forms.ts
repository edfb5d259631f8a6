// Numbers that registers hold in another form than the bits of their type: a byte of a register, a Float of 16 bits (IEEE 754, binary16),
// and decimal digits of four bits each (BCD, the most significant one first). Registers and bytes are in the word order of the point.

import { numberOfFloat16 } from "../configuration/float16.ts";
import type { RegisterForm } from "../configuration/modbus-server.ts";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { REGISTER_BYTES, type ByteOrder, type ReadNumber } from "./word-order.ts";

const digitsPerRegister = 10_000;

/** NaN when digits are no digits. With 16 digits it is the nearest Double: see `readWholeBcd`. */
export function readForm(form: RegisterForm, type: BuiltInType, width: number, order: ByteOrder): ReadNumber {
  switch (form) {
    case "lowByte":
    case "highByte":
      return readByte(form, type, order);
    case "float16":
      return (bytes, offset) => numberOfFloat16(bytes.getUint16(offset, order.littleEndian));
    case "bcd":
      return readBcd(width, order);
    default:
      return form satisfies never;
  }
}

/** All digits that there are, which are digits. */
export function readWholeBcd(width: number, order: ByteOrder): (bytes: DataView, offset: number) => bigint {
  const registers = offsetsOf(width, order);
  return (bytes, offset) => {
    let whole = 0n;
    for (const at of registers) {
      whole = whole * BigInt(digitsPerRegister) + BigInt(digitsOf(bytes.getUint16(offset + at, order.littleEndian)));
    }
    return whole;
  };
}

function readByte(form: "lowByte" | "highByte", type: BuiltInType, { littleEndian }: ByteOrder): ReadNumber {
  const at = (form === "highByte") === littleEndian ? 1 : 0;
  if (type === BuiltInType.SByte) return (bytes, offset) => bytes.getInt8(offset + at);
  return (bytes, offset) => bytes.getUint8(offset + at);
}

function readBcd(width: number, order: ByteOrder): ReadNumber {
  const registers = offsetsOf(width, order);
  const { littleEndian } = order;
  return (bytes, offset) => {
    let number = 0;
    for (const at of registers)
      number = number * digitsPerRegister + digitsOf(bytes.getUint16(offset + at, littleEndian));
    return number;
  };
}

/** Where the registers are, the most significant first. */
function offsetsOf(width: number, { reversed }: ByteOrder): readonly number[] {
  const offsets = Array.from({ length: width }, (_, register) => register * REGISTER_BYTES);
  return reversed ? offsets.toReversed() : offsets;
}

function digitsOf(register: number): number {
  const [thousands, hundreds, tens, ones] = [register >> 12, (register >> 8) & 15, (register >> 4) & 15, register & 15];
  if (thousands > 9 || hundreds > 9 || tens > 9 || ones > 9) return NaN;
  return thousands * 1000 + hundreds * 100 + tens * 10 + ones;
}
