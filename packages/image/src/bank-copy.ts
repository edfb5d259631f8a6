// A reader's copy of the bank that a block published last.

import type { PlacedBlock } from "./bank-pair.ts";
import { block } from "./layout.ts";
import { memoryFence } from "./memory-fence.ts";

export class BankCopy {
  readonly #copy: Uint8Array;
  /** In the image: the two counters of the block, and its banks. */
  readonly #counters: Uint32Array;
  readonly #banks: readonly Uint8Array[];
  #published = 0;

  constructor(place: PlacedBlock, memory: ArrayBufferLike) {
    const { blockOffset, banksOffset, bankBytes } = place;
    this.#copy = new Uint8Array(bankBytes);
    this.#counters = new Uint32Array(memory, blockOffset, 2);
    this.#banks = [0, 1].map((bank) => new Uint8Array(memory, banksOffset + bank * bankBytes, bankBytes));
  }

  get buffer(): ArrayBufferLike {
    return this.#copy.buffer;
  }

  get published(): number {
    return this.#published;
  }

  /** A copy that the writer overtook, by beginning two further publications meanwhile, is taken again; false when no attempt is whole. */
  refresh(attempts = 100): boolean {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const published = Atomics.load(this.#counters, block.published / 4);
      const bank = this.#banks[published & 1];
      if (bank !== undefined) this.#copy.set(bank);
      memoryFence();
      const begun = Atomics.load(this.#counters, block.begun / 4);
      this.#published = published;
      if ((begun - published) >>> 0 <= 1) return true;
    }
    return false;
  }
}
