// Modbus TCP: the MBAP header, written and recognized. Pure.
//
// MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.2 and 3.1.3. All fields big-endian.
//
//   byte  0   1   2   3   4   5   6   7 ...
//       +---+---+---+---+---+---+---+-----------+
//       | transa| proto-| length| u | PDU       |   length counts the unit id and the PDU
//       | ction | col 0 |       | n |           |
//       +---+---+---+---+---+---+---+-----------+
//
// After a malformed header nothing later in the stream can be trusted, because nobody knows where the next frame starts.

import { INCOMPLETE, type Frame, type Framing, type Incomplete, type Malformed } from "./framing.ts";

const TRANSACTION_ID_OFFSET = 0;
const PROTOCOL_ID_OFFSET = TRANSACTION_ID_OFFSET + 2;
const LENGTH_OFFSET = PROTOCOL_ID_OFFSET + 2;
const UNIT_ID_OFFSET = LENGTH_OFFSET + 2;
const HEADER_BYTES = UNIT_ID_OFFSET + 1;

/** MODBUS Application Protocol V1.1b3, 4.1: a PDU has at most 253 bytes, and the shortest one is a lone function code. */
const MAX_PDU_BYTES = 253;
const MIN_PDU_BYTES = 1;
const MAX_FRAME_BYTES = HEADER_BYTES + MAX_PDU_BYTES;

export const mbap: Framing = {
  name: "tcp",
  headerBytes: HEADER_BYTES,
  trailerBytes: 0,
  maxFrameBytes: MAX_FRAME_BYTES,
  seal(frame, transactionId, unitId, pduBytes) {
    frame.setUint16(TRANSACTION_ID_OFFSET, transactionId);
    frame.setUint16(PROTOCOL_ID_OFFSET, 0);
    frame.setUint16(LENGTH_OFFSET, 1 + pduBytes);
    frame.setUint8(UNIT_ID_OFFSET, unitId);
  },
  decode,
};

function decode(bytes: DataView, offset: number, endOffset: number): Frame | Incomplete | Malformed {
  if (endOffset < offset + LENGTH_OFFSET) return INCOMPLETE;
  const protocolId = bytes.getUint16(offset + PROTOCOL_ID_OFFSET);
  if (protocolId !== 0) return { kind: "malformed", field: "protocol id", expected: "0", actual: protocolId };
  if (endOffset < offset + UNIT_ID_OFFSET) return INCOMPLETE;
  const length = bytes.getUint16(offset + LENGTH_OFFSET);
  if (length < 1 + MIN_PDU_BYTES || length > 1 + MAX_PDU_BYTES) {
    const expected = `${1 + MIN_PDU_BYTES} to ${1 + MAX_PDU_BYTES}`;
    return { kind: "malformed", field: "length", expected, actual: length };
  }
  const pduEndOffset = offset + UNIT_ID_OFFSET + length;
  if (endOffset < pduEndOffset) return INCOMPLETE;
  return {
    kind: "frame",
    transactionId: bytes.getUint16(offset + TRANSACTION_ID_OFFSET),
    unitId: bytes.getUint8(offset + UNIT_ID_OFFSET),
    pduOffset: offset + HEADER_BYTES,
    pduEndOffset,
    endOffset: pduEndOffset,
  };
}
