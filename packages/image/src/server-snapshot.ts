// A reader's own copy of one poll of one server, made to be taken again and again: `refresh` allocates nothing.
//
// The copy is of one poll or `refresh` says so; the writer is never waited for and never knows. docs/process-image.md, "Taking a snapshot".

import { BankReader } from "./bank-reader.ts";
import type { PlacedServer } from "./directory.ts";
import { block, type BankStrides } from "./layout.ts";
import { memoryFence } from "./memory-fence.ts";

export class ServerSnapshot extends BankReader {
  readonly #copy: Uint8Array;
  /** In the image: the two counters of the server's block, and its banks. */
  readonly #counters: Uint32Array;
  readonly #banks: readonly Uint8Array[];
  #published = 0;

  /** Of the image in `memory`; holds nothing until it is refreshed. */
  constructor(server: PlacedServer, memory: ArrayBufferLike, strides: BankStrides) {
    const copy = new Uint8Array(server.bankBytes);
    super(server, copy.buffer, 0, strides);
    this.#copy = copy;
    this.#counters = new Uint32Array(memory, server.blockOffset, 2);
    const banks = server.blockOffset + strides.banksOffset;
    this.#banks = [0, 1].map((bank) => new Uint8Array(memory, banks + bank * server.bankBytes, server.bankBytes));
  }

  /** The publication that this is a copy of, 32 bits, wraps. */
  get published(): number {
    return this.#published;
  }

  /**
   * Copies the last complete poll. A copy that the writer overtook, by beginning two further polls meanwhile, is taken again; false when that
   * happened `attempts` times in a row: then the content is a mixture, and the image is retired or the writer far too fast.
   * Throws a TypeError when the image was closed.
   */
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
