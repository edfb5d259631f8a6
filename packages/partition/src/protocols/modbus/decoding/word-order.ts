// How a device spreads a value over its registers. Registers are big-endian (MODBUS Application Protocol V1.1b3, 4.2), but the order of a
// longer value is the device's own business. The four orders, A being the most significant byte:
//
//   order   registers   bytes    16 bit   32 bit        64 bit
//   ABCD    in order    in order  AB      AB CD         AB CD EF GH
//   CDAB    reversed    in order  AB      CD AB         GH EF CD AB
//   BADC    in order    swapped   BA      BA DC         BA DC FE HG
//   DCBA    reversed    swapped   BA      DC BA         HG FE DC BA

import type { WordOrder } from "../configuration/modbus-server.ts";

export const REGISTER_BYTES = 2;

export interface ByteOrder {
  /** The least significant register comes first. */
  readonly reversed: boolean;
  /** In a register, the least significant byte comes first. */
  readonly littleEndian: boolean;
}

/** Reads a number whose first register is at `offset`. */
export type ReadNumber = (bytes: DataView, offset: number) => number;

export function byteOrderOf(order: WordOrder): ByteOrder {
  return {
    reversed: order === "CDAB" || order === "DCBA",
    littleEndian: order === "BADC" || order === "DCBA",
  };
}

/** 32 bits from the registers `significance` (0 = most significant) and the next one of a value of `registers` registers. */
export function readHalf(significance: number, registers: number, { reversed, littleEndian }: ByteOrder): ReadNumber {
  const highOffset = (reversed ? registers - 1 - significance : significance) * REGISTER_BYTES;
  const lowOffset = (reversed ? registers - 2 - significance : significance + 1) * REGISTER_BYTES;
  return (bytes, offset) =>
    bytes.getUint16(offset + highOffset, littleEndian) * 0x1_0000 + bytes.getUint16(offset + lowOffset, littleEndian);
}

/** The register of this significance, of a value of `registers` registers. */
export function readRegister(
  significance: number,
  registers: number,
  { reversed, littleEndian }: ByteOrder,
): ReadNumber {
  const at = (reversed ? registers - 1 - significance : significance) * REGISTER_BYTES;
  return (bytes, offset) => bytes.getUint16(offset + at, littleEndian);
}
