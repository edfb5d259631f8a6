// Frames out of a stream of bytes that arrive in pieces of any size. Keeps what is not whole yet; never more than one frame.

import type { Frame, Framing, Malformed } from "./framing.ts";

/** Of a malformed frame: enough to guess what speaks there instead. */
const SHOWN_BYTES = 32;

type OnFrame = (bytes: DataView, frame: Frame) => Malformed | undefined;

export class FrameAssembler {
  readonly #framing: Framing;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #lengthBytes = 0;

  constructor(framing: Framing) {
    this.#framing = framing;
    this.#bytes = new Uint8Array(framing.maxFrameBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes of a frame that has begun but is not whole. */
  get pendingBytes(): number {
    return this.#lengthBytes;
  }

  /**
   * Takes the first `lengthBytes` of `chunk` and hands every whole frame to `onFrame`, whose view is valid during the call.
   * The result is what makes the rest of the stream unreadable, by itself or as `onFrame` says, or undefined.
   */
  push(chunk: DataView, lengthBytes: number, onFrame: OnFrame): Malformed | undefined {
    let takenBytes = 0;
    if (this.#lengthBytes === 0) {
      // The usual frame is whole, and read where it is.
      const end = this.#read(chunk, lengthBytes, onFrame);
      if (typeof end !== "number") return end;
      takenBytes = end;
    }
    while (takenBytes < lengthBytes) {
      const roomBytes = Math.min(this.#bytes.length - this.#lengthBytes, lengthBytes - takenBytes);
      this.#bytes.set(bytesOf(chunk, takenBytes, roomBytes), this.#lengthBytes);
      takenBytes += roomBytes;
      this.#lengthBytes += roomBytes;
      const end = this.#read(this.#view, this.#lengthBytes, onFrame);
      if (typeof end !== "number") return end;
      this.#bytes.copyWithin(0, end, this.#lengthBytes);
      this.#lengthBytes -= end;
    }
    return undefined;
  }

  /** Hands over the whole frames at the start of the bytes; the result is where they end, or what is wrong. */
  #read(bytes: DataView, endOffset: number, onFrame: OnFrame): number | Malformed {
    for (let offset = 0; ;) {
      const frame = this.#framing.decode(bytes, offset, endOffset);
      if (frame.kind === "malformed") {
        return { ...frame, begins: bytesOf(bytes, offset, Math.min(SHOWN_BYTES, endOffset - offset)).slice() };
      }
      if (frame.kind === "incomplete") return offset;
      offset = frame.endOffset;
      const wrong = onFrame(bytes, frame);
      if (wrong !== undefined) return wrong;
    }
  }
}

function bytesOf({ buffer, byteOffset }: DataView, offset: number, lengthBytes: number): Uint8Array {
  return new Uint8Array(buffer, byteOffset + offset, lengthBytes);
}
