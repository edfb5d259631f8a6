// Chunks (OPC 10000-6, 6.7.2.2) out of whatever pieces a connection delivers.
//
//   message type | final | size of the chunk with this header | ...
//     3 bytes    |   1   |               u32                  |
//
// node-opcua's own assembler calls itself for each further chunk in a piece, so that a piece of many small ones ends in a stack overflow.

const headerBytes = 8;
const finalOffset = 3;
const sizeOffset = 4;

export interface Chunk {
  readonly bytes: Buffer;
  /** The message is complete. */
  readonly isFinal: boolean;
}

/** What came is no chunk, or one that is larger than agreed upon. */
export class ChunkError extends Error {
  override readonly name = "ChunkError";
  readonly code = "ChunkError";
  /** What came. */
  readonly bytes: Buffer;

  constructor(message: string, bytes: Buffer) {
    super(message);
    this.bytes = bytes;
  }
}

export class ChunkAssembler {
  readonly #mostBytes: () => number;
  #pieces: Buffer[] = [];
  #waitingBytes = 0;

  /** `mostBytes`: of a chunk, now. */
  constructor(mostBytes: () => number) {
    this.#mostBytes = mostBytes;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#waitingBytes += piece.length;
  }

  /** The next chunk; undefined: more bytes are needed. Throws a ChunkError. */
  take(): Chunk | undefined {
    if (this.#waitingBytes < headerBytes) return undefined;
    if ((this.#pieces[0]?.length ?? 0) < headerBytes) this.#join();
    const size = this.#pieces[0]?.readUInt32LE(sizeOffset) ?? 0;
    const most = this.#mostBytes();
    if (size < headerBytes || size > most) this.#refuse(size, most);
    if (this.#waitingBytes < size) return undefined;
    if ((this.#pieces[0]?.length ?? 0) < size) this.#join();
    const [first = Buffer.alloc(0)] = this.#pieces;
    const bytes = first.subarray(0, size);
    if (first.length === size) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(size);
    this.#waitingBytes -= size;
    return { bytes, isFinal: bytes[finalOffset] === "F".charCodeAt(0) };
  }

  #refuse(size: number, most: number): never {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#waitingBytes = 0;
    throw new ChunkError(`a chunk of ${size} bytes is not from ${headerBytes} to ${most} bytes long`, bytes);
  }

  #join(): void {
    this.#pieces = [Buffer.concat(this.#pieces)];
  }
}
