// A reader's own copy of one poll of one group, made to be taken again and again: `refresh` allocates nothing.
//
// The copy is of one poll or `refresh` says so; the writer is never waited for and never knows. docs/process-image.md, "Take a snapshot".

import { BankCopy } from "./bank-copy.ts";
import { BankReader } from "./bank-reader.ts";
import type { Directory, PlacedGroup } from "./directory.ts";
import type { BankStrides } from "./layout.ts";

export class GroupSnapshot extends BankReader {
  readonly #copy: BankCopy;

  /** Of the image in `memory`; holds nothing until it is refreshed. */
  constructor(directory: Directory, group: PlacedGroup, memory: ArrayBufferLike, strides: BankStrides) {
    const copy = new BankCopy(group, memory);
    super(directory, group, copy.buffer, 0, strides);
    this.#copy = copy;
  }

  /** The publication that this is a copy of, 32 bits, wraps. */
  get published(): number {
    return this.#copy.published;
  }

  /**
   * Copies the last complete poll. False when the writer overtook `attempts` copies in a row: then the content is a mixture, and the image is
   * retired or the writer far too fast. Throws a TypeError when the image was closed.
   */
  refresh(attempts?: number): boolean {
    return this.#copy.refresh(attempts);
  }
}
