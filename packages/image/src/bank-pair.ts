// The two banks of a block, as their writer sees them: a copy of the last publication is filled where no reader looks, and becomes visible
// as a whole. docs/process-image.md, "Take a snapshot", says why a reader never sees a mixture.

import type { ImageMemory } from "./image-memory.ts";
import { block, header } from "./layout.ts";
import { memoryFence } from "./memory-fence.ts";

/** Offsets from the start of the image, in bytes. */
export interface PlacedBlock {
  readonly blockOffset: number;
  readonly banksOffset: number;
  readonly bankBytes: number;
}

export class BankPair {
  #place: PlacedBlock;
  #memory: ImageMemory;
  #bytes: Buffer;
  #words: Uint32Array;
  #isOpen = false;

  constructor(place: PlacedBlock, memory: ImageMemory) {
    this.#place = place;
    this.#memory = memory;
    this.#bytes = memory.bytes;
    this.#words = memory.words;
  }

  /** Between `begin` and `publish`. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Offset of the bank that was published last. */
  get publishedBank(): number {
    return this.#bank(this.#load(block.published));
  }

  /** Offset of the bank that is being written. */
  get openBank(): number {
    return this.#bank(this.#load(block.published) + 1);
  }

  /** What an earlier `begin` left unpublished is given up. */
  begin(): void {
    const published = this.#load(block.published);
    this.#store(block.begun, published + 1);
    memoryFence();
    const source = this.#bank(published);
    this.#bytes.copyWithin(this.#bank(published + 1), source, source + this.#place.bankBytes);
    this.#isOpen = true;
  }

  publish(): void {
    this.#isOpen = false;
    this.#store(block.published, this.#load(block.begun));
    this.#memory.wake(this.#place.blockOffset + block.published);
    Atomics.add(this.#words, header.publications / 4, 1);
    this.#memory.wake(header.publications);
  }

  /** Into the memory of a new generation. `copyBank` copies one bank from its offset in the old memory to its offset in the new one. */
  moveTo(place: PlacedBlock, memory: ImageMemory, copyBank: (from: number, to: number) => void): void {
    const old = this.#place;
    const { bytes, words } = memory;
    const headBytes = Math.min(old.banksOffset - old.blockOffset, place.banksOffset - place.blockOffset);
    bytes.set(this.#bytes.subarray(old.blockOffset, old.blockOffset + headBytes), place.blockOffset);
    for (const bank of [0, 1])
      copyBank(old.banksOffset + bank * old.bankBytes, place.banksOffset + bank * place.bankBytes);
    this.#place = place;
    this.#memory = memory;
    this.#bytes = bytes;
    this.#words = words;
  }

  #bank(publication: number): number {
    return this.#place.banksOffset + (publication & 1) * this.#place.bankBytes;
  }

  #load(offset: number): number {
    return Atomics.load(this.#words, (this.#place.blockOffset + offset) / 4);
  }

  #store(offset: number, value: number): void {
    Atomics.store(this.#words, (this.#place.blockOffset + offset) / 4, value);
  }
}
