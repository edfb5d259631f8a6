// Frames out of a stream of bytes that arrive in pieces of any size. Keeps what is not whole yet; never more than one frame.

import type { Frame, Framing, Malformed } from "./framing.ts";

/** Of a malformed frame: enough to guess what speaks there instead. */
const SHOWN_BYTES = 32;

export class FrameAssembler {
  readonly #framing: Framing;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #lengthBytes = 0;

  constructor(framing: Framing) {
    this.#framing = framing;
    // Room for a whole frame behind an unfinished one, so that the usual piece is taken in one step.
    this.#bytes = new Uint8Array(2 * framing.maxFrameBytes);
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
  push(
    chunk: Uint8Array,
    lengthBytes: number,
    onFrame: (bytes: DataView, frame: Frame) => Malformed | undefined,
  ): Malformed | undefined {
    let takenBytes = 0;
    while (takenBytes < lengthBytes) {
      const roomBytes = Math.min(this.#bytes.length - this.#lengthBytes, lengthBytes - takenBytes);
      this.#bytes.set(chunk.subarray(takenBytes, takenBytes + roomBytes), this.#lengthBytes);
      takenBytes += roomBytes;
      this.#lengthBytes += roomBytes;
      let offset = 0;
      for (;;) {
        const frame = this.#framing.decode(this.#view, offset, this.#lengthBytes);
        if (frame.kind === "malformed") {
          return { ...frame, begins: this.#bytes.slice(offset, Math.min(this.#lengthBytes, offset + SHOWN_BYTES)) };
        }
        if (frame.kind === "incomplete") break;
        offset = frame.endOffset;
        const wrong = onFrame(this.#view, frame);
        if (wrong !== undefined) return wrong;
      }
      if (offset === this.#lengthBytes) this.#lengthBytes = 0;
      else if (offset > 0) {
        this.#bytes.copyWithin(0, offset, this.#lengthBytes);
        this.#lengthBytes -= offset;
      }
    }
    return undefined;
  }
}
