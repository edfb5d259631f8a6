// The segment that holds the document of one consumer, as its writer sees it.
//
// Consumers may write into it (the reference's acknowledge by overwriting the start), so nothing of what it held can be
// relied on: every publication writes every byte, the document followed by NULs to the end, in one call from one buffer.
// Not promised: that no consumer reads in the middle. That is the guard's part.

import { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";

/** The renderer's fault: a document that would have to be cut. */
export class DocumentTooLongError extends Error {
  override readonly name = "DocumentTooLongError";
  readonly code = "DocumentTooLong";

  constructor(segmentName: string, documentBytes: number, sizeBytes: number) {
    super(
      `cannot publish to ${segmentName} because the document has ${documentBytes} bytes and the segment ${sizeBytes}; make the segment larger`,
    );
  }
}

export class DocumentSegment {
  readonly name: string;
  readonly sizeBytes: number;
  readonly #object: SharedMemoryObject;
  /** What the segment shall hold: the document and NULs behind it. */
  readonly #staged: Uint8Array;
  #stagedBytes = 0;

  /** `object` stays its owner's: nothing here closes it. */
  constructor(object: SharedMemoryObject, sizeBytes: number) {
    this.name = object.name;
    this.sizeBytes = sizeBytes;
    this.#object = object;
    this.#staged = new Uint8Array(sizeBytes);
  }

  /** In the thread that writes, when another thread of this process holds the object open. */
  static fromDescriptor(descriptor: number, name: string, sizeBytes: number): DocumentSegment {
    return new DocumentSegment(SharedMemoryObject.fromDescriptor(descriptor, name), sizeBytes);
  }

  /** Copies the document (UTF-8): the caller may use its buffer again at once. Throws a DocumentTooLongError. */
  stage(document: Uint8Array): void {
    if (document.byteLength > this.sizeBytes) {
      throw new DocumentTooLongError(this.name, document.byteLength, this.sizeBytes);
    }
    this.#staged.set(document);
    if (document.byteLength < this.#stagedBytes) this.#staged.fill(0, document.byteLength, this.#stagedBytes);
    this.#stagedBytes = document.byteLength;
  }

  /** Writes what was staged last to the whole segment. Throws a PosixError. */
  writeStaged(): void {
    this.#object.writeAt(this.#staged, 0);
  }
}
