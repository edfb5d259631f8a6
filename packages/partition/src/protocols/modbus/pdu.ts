// The four reading functions of Modbus: requests written, replies checked against their request. Pure.
//
// MODBUS Application Protocol V1.1b3, 6.1 to 6.4 (FC01 Read Coils, FC02 Read Discrete Inputs, FC03 Read Holding Registers,
// FC04 Read Input Registers) and 7 (exception responses):
//
//   request     function (1) | starting address (2) | quantity (2)
//   response    function (1) | byte count (1)       | data (byte count)
//   exception   function + 0x80 (1) | exception code (1)
//
// This file is the allow-list: nothing else in the program writes a function code, and it refuses any other than these four.
// An exception is the device's answer and therefore a result; malformed means that the reply cannot belong to the request.

import type { ReadFunction } from "./configuration/modbus-server.ts";
import type { Malformed } from "./framing/framing.ts";

export const MAX_REGISTERS_PER_REQUEST = 125;
export const MAX_BITS_PER_REQUEST = 2000;
const ADDRESS_SPACE = 65_536;

export const REQUEST_PDU_BYTES = 5;
export const EXCEPTION_FLAG = 0x80;
const EXCEPTION_PDU_BYTES = 2;
const RESPONSE_HEADER_BYTES = 2;

/** The most addresses that one request of a function may ask for; undefined for every function that must not be sent. */
const maxQuantityByFunction: ReadonlyMap<number, number> = new Map<ReadFunction, number>([
  [1, MAX_BITS_PER_REQUEST],
  [2, MAX_BITS_PER_REQUEST],
  [3, MAX_REGISTERS_PER_REQUEST],
  [4, MAX_REGISTERS_PER_REQUEST],
]);

/** What a request asks for; kept to judge the reply. */
export interface ReadRange {
  readonly functionCode: ReadFunction;
  readonly address: number;
  readonly quantity: number;
}

export interface ResponseData {
  readonly kind: "data";
  readonly dataOffset: number;
}

export interface ExceptionResponse {
  readonly kind: "exception";
  /** 0 to 255: devices send more codes than the standard knows. */
  readonly code: number;
}

/** True for coils and discrete inputs, whose addresses are bits. */
export function readsBits(functionCode: ReadFunction): boolean {
  return functionCode <= 2;
}

/** Throws a RangeError for what must never leave: another function than FC01 to FC04, or a range outside the standard. */
export function encodeRequest(target: DataView, offset: number, range: ReadRange): void {
  const { functionCode, address, quantity } = range;
  const maxQuantity = maxQuantityByFunction.get(functionCode);
  if (maxQuantity === undefined) {
    throw new RangeError(`cannot send function code ${functionCode} because only 1, 2, 3 and 4 are reads`);
  }
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > maxQuantity) {
    throw new RangeError(
      `cannot read ${quantity} addresses at once because FC0${functionCode} takes 1 to ${maxQuantity}`,
    );
  }
  if (!Number.isInteger(address) || address < 0 || address + quantity > ADDRESS_SPACE) {
    throw new RangeError(`cannot read ${quantity} addresses from ${address} on because addresses are 0 to 65535`);
  }
  target.setUint8(offset, functionCode);
  target.setUint16(offset + 1, address);
  target.setUint16(offset + 3, quantity);
}

/** The byte count that the response to `range` must have: one bit or two bytes per address. */
export function expectedByteCount(range: ReadRange): number {
  return readsBits(range.functionCode) ? Math.ceil(range.quantity / 8) : range.quantity * 2;
}

/**
 * Judges the PDU between the two offsets as the reply to `range`. The padding bits of a last byte (6.1) are not looked at, nor, of some
 * devices, the byte count.
 */
export function decodeResponse(
  bytes: DataView,
  pduOffset: number,
  pduEndOffset: number,
  range: ReadRange,
  ignoresByteCount = false,
): ResponseData | ExceptionResponse | Malformed {
  const functionCode = bytes.getUint8(pduOffset);
  const pduBytes = pduEndOffset - pduOffset;
  if (functionCode === range.functionCode + EXCEPTION_FLAG) {
    if (pduBytes !== EXCEPTION_PDU_BYTES) return malformed("length of an exception", EXCEPTION_PDU_BYTES, pduBytes);
    return { kind: "exception", code: bytes.getUint8(pduOffset + 1) };
  }
  if (functionCode !== range.functionCode) return malformed("function code", range.functionCode, functionCode);
  const byteCount = expectedByteCount(range);
  if (pduBytes < RESPONSE_HEADER_BYTES) return malformed("PDU length", RESPONSE_HEADER_BYTES + byteCount, pduBytes);
  const actualByteCount = bytes.getUint8(pduOffset + 1);
  if (actualByteCount !== byteCount && !ignoresByteCount) return malformed("byte count", byteCount, actualByteCount);
  if (pduBytes !== RESPONSE_HEADER_BYTES + byteCount) {
    return malformed("PDU length", RESPONSE_HEADER_BYTES + byteCount, pduBytes);
  }
  return { kind: "data", dataOffset: pduOffset + RESPONSE_HEADER_BYTES };
}

function malformed(field: string, expected: number, actual: number): Malformed {
  return { kind: "malformed", field, expected: String(expected), actual };
}
