// The envelope of Modbus on TCP: the MBAP header, written and recognized. Pure; knows nothing of what is inside.
//
// MODBUS Messaging on TCP/IP Implementation Guide V1.0b, 3.1.2 and 3.1.3. All fields big-endian.
//
//   byte  0   1   2   3   4   5   6   7 ...
//       +---+---+---+---+---+---+---+-----------+
//       | transa| proto-| length| u | PDU       |   length counts the unit id and the PDU
//       | ction | col 0 |       | n |           |
//       +---+---+---+---+---+---+---+-----------+
//
// A stream has no borders, so there are three results: more bytes are needed, this can never become a frame, and a frame.
// After a malformed header nothing later in the stream can be trusted, because nobody knows where the next frame starts.

const TRANSACTION_ID_OFFSET = 0;
const PROTOCOL_ID_OFFSET = TRANSACTION_ID_OFFSET + 2;
const LENGTH_OFFSET = PROTOCOL_ID_OFFSET + 2;
const UNIT_ID_OFFSET = LENGTH_OFFSET + 2;
export const HEADER_BYTES = UNIT_ID_OFFSET + 1;

/** MODBUS Application Protocol V1.1b3, 4.1: a PDU has at most 253 bytes, and the shortest one is a lone function code. */
const MAX_PDU_BYTES = 253;
const MIN_PDU_BYTES = 1;
export const MAX_FRAME_BYTES = HEADER_BYTES + MAX_PDU_BYTES;

/** What stood in the field of a reply, and what should have. */
export interface Malformed {
  readonly kind: "malformed";
  readonly field: string;
  readonly expected: string;
  readonly actual: number;
  /** How the frame begins, when its header is what is wrong. */
  readonly begins?: Uint8Array;
}

export interface Frame {
  readonly kind: "frame";
  readonly transactionId: number;
  readonly unitId: number;
  /** Offsets into the buffer; the next frame starts where this PDU ends. */
  readonly pduOffset: number;
  readonly pduEndOffset: number;
}

export interface Incomplete {
  readonly kind: "incomplete";
}

const INCOMPLETE: Incomplete = { kind: "incomplete" };

/** Writes the header of a PDU of `pduBytes` at the start of `target`; the PDU belongs at `HEADER_BYTES`. */
export function encodeHeader(target: DataView, transactionId: number, unitId: number, pduBytes: number): void {
  target.setUint16(TRANSACTION_ID_OFFSET, transactionId);
  target.setUint16(PROTOCOL_ID_OFFSET, 0);
  target.setUint16(LENGTH_OFFSET, 1 + pduBytes);
  target.setUint8(UNIT_ID_OFFSET, unitId);
}

/** Looks for one frame in the bytes from `offset` up to `endOffset`. A wrong field is reported as soon as it is there. */
export function decodeFrame(bytes: DataView, offset: number, endOffset: number): Frame | Incomplete | Malformed {
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
  };
}
