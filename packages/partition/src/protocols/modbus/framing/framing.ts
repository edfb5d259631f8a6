// How a PDU travels on one kind of line: what stands around it, and where a reply ends. What is inside the PDU is pdu.ts.
//
// A stream has no borders, so there are three results: more bytes are needed, this can never become a frame, and a frame.

export interface Framing {
  /** As in the configuration. */
  readonly name: "tcp";
  /** Room before and behind the PDU. */
  readonly headerBytes: number;
  readonly trailerBytes: number;
  /** The longest frame that a device may send. */
  readonly maxFrameBytes: number;
  /** Writes what stands around a PDU of `pduBytes`, which is there already, `headerBytes` after the start of `frame`. */
  seal(frame: DataView, transactionId: number, unitId: number, pduBytes: number): void;
  /** Looks for one frame in the bytes from `offset` up to `endOffset`. What is wrong is reported as soon as it is there. */
  decode(bytes: DataView, offset: number, endOffset: number): Frame | Incomplete | Malformed;
}

export interface Frame {
  readonly kind: "frame";
  /** Undefined on lines whose frames have none: the reply belongs to the only request that is outstanding. */
  readonly transactionId: number | undefined;
  readonly unitId: number;
  /** Offsets into the buffer. */
  readonly pduOffset: number;
  readonly pduEndOffset: number;
  /** Where the next frame starts. */
  readonly endOffset: number;
}

export interface Incomplete {
  readonly kind: "incomplete";
}

/** What stood in the field of a reply, and what should have. */
export interface Malformed {
  readonly kind: "malformed";
  readonly field: string;
  readonly expected: string;
  readonly actual: number;
  /** How the frame begins, when what stands around the PDU is wrong. */
  readonly begins?: Uint8Array;
}

export const INCOMPLETE: Incomplete = { kind: "incomplete" };
