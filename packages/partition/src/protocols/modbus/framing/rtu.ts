// Modbus RTU as it travels on a serial line, here inside a TCP connection: frames written, and the reply to a request found among whatever
// else came. Pure.
//
// MODBUS over Serial Line V1.02, 2.5.1 and 6.2.2:
//
//   unit id (1) | PDU | CRC (2, low byte first)
//
// Nothing in a stream says where a frame begins or ends, and noise may stand before and behind it. But a request tells what its reply looks
// like: unit id, function and byte count, or function and exception code. A reply is what has these and a CRC that is right.

import { expectedByteCount, type ReadRange } from "../pdu.ts";

export const rtu = { name: "rtu" } as const;

export const RTU_HEADER_BYTES = 1;
export const CRC_BYTES = 2;
const EXCEPTION_FRAME_BYTES = 5;
const EXCEPTION_FLAG = 0x80;

export interface Asked extends ReadRange {
  readonly unitId: number;
}

/** Where the PDU of a reply is. */
export interface FoundReply {
  readonly kind: "reply";
  readonly pduOffset: number;
  readonly pduEndOffset: number;
}

/**
 * How many bytes of what came, up to `endOffset`, are the echo of the frame that was sent: 0 for none. As many as came, when the echo is not
 * whole yet.
 */
export function echoBytes(bytes: DataView, endOffset: number, sent: Uint8Array): number {
  const length = Math.min(endOffset, sent.length);
  for (let at = 0; at < length; at++) if (bytes.getUint8(at) !== sent[at]) return 0;
  return length;
}

/** "damaged": what looks like the whole reply has a wrong CRC. */
export type Finding = FoundReply | { readonly kind: "none" | "damaged" };

/** Writes what stands around a PDU of `pduBytes`, which is there already. */
export function sealRtu(frame: DataView, unitId: number, pduBytes: number): void {
  frame.setUint8(0, unitId);
  const endOffset = RTU_HEADER_BYTES + pduBytes;
  frame.setUint16(endOffset, crcOf(frame, 0, endOffset), true);
}

/** The first reply in the bytes from `begin` up to `endOffset`. */
export function findReply(bytes: DataView, begin: number, endOffset: number, asked: Asked): Finding {
  const dataFrameBytes = RTU_HEADER_BYTES + 2 + expectedByteCount(asked) + CRC_BYTES;
  let isDamaged = false;
  for (let offset = begin; offset + EXCEPTION_FRAME_BYTES <= endOffset; offset++) {
    if (bytes.getUint8(offset) !== asked.unitId) continue;
    const frameBytes = frameBytesAt(bytes, offset, asked, dataFrameBytes);
    if (frameBytes === undefined || offset + frameBytes > endOffset) continue;
    const pduEndOffset = offset + frameBytes - CRC_BYTES;
    if (bytes.getUint16(pduEndOffset, true) === crcOf(bytes, offset, pduEndOffset)) {
      return { kind: "reply", pduOffset: offset + RTU_HEADER_BYTES, pduEndOffset };
    }
    isDamaged ||= frameBytes === dataFrameBytes;
  }
  return { kind: isDamaged ? "damaged" : "none" };
}

function frameBytesAt(bytes: DataView, offset: number, asked: Asked, dataFrameBytes: number): number | undefined {
  const functionCode = bytes.getUint8(offset + 1);
  if (functionCode === asked.functionCode + EXCEPTION_FLAG) return EXCEPTION_FRAME_BYTES;
  const isData = functionCode === asked.functionCode && bytes.getUint8(offset + 2) === expectedByteCount(asked);
  return isData ? dataFrameBytes : undefined;
}

const POLYNOMIAL = 0xa001;

const crcOfByte = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >> 1) ^ POLYNOMIAL : crc >> 1;
  return crc;
});

/** 6.2.2 "CRC generation". */
function crcOf(bytes: DataView, offset: number, endOffset: number): number {
  let crc = 0xffff;
  for (let at = offset; at < endOffset; at++) {
    crc = (crc >> 8) ^ (crcOfByte[(crc ^ bytes.getUint8(at)) & 0xff] ?? 0);
  }
  return crc;
}
