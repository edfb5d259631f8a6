// The memory an image lies in: this process's own, or a mapping that readers share.

import { wakeSleepers } from "./posix/futex.ts";
import type { Mapping } from "./posix/mapping.ts";

export interface ImageMemory {
  readonly buffer: ArrayBufferLike;
  /** The same bytes in other forms, for all blocks: those of a thousand blocks would not stay in the processor's cache. */
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly floats: Float32Array;
  readonly doubles: Float64Array;
  readonly integers: BigInt64Array;
  /** Wakes who sleeps on the 32-bit word at this offset, or somebody who then wakes the others. */
  wake(offset: number): void;
}

/**
 * A wake costs the one who wakes some microseconds for each sleeper, and how many there are must not be the writer's burden. So it
 * wakes the first, who wakes the others (docs/process-image.md, "Sleep until the next publication"), and a second one in
 * case the first is stopped at that moment.
 */
const firstWoken = 2;

/** Zeroed memory that only the threads of this process can see. */
export function privateMemory(imageBytes: number): ImageMemory {
  const buffer = new SharedArrayBuffer(imageBytes);
  const words = new Int32Array(buffer);
  return imageMemory(buffer, (offset) => void Atomics.notify(words, offset / 4));
}

/** A wake that fails delays readers until they look by themselves, and nobody else: it is told to `wakeFailed` and no error here. */
export function mappedMemory(mapping: Mapping, wakeFailed: (error: unknown) => void = () => {}): ImageMemory {
  const wake = (offset: number): void => {
    try {
      wakeSleepers(mapping, offset, firstWoken);
    } catch (error) {
      wakeFailed(error);
    }
  };
  return imageMemory(mapping.buffer, wake);
}

export function imageMemory(buffer: ArrayBufferLike, wake: ImageMemory["wake"]): ImageMemory {
  return {
    buffer,
    bytes: Buffer.from(buffer),
    words: new Uint32Array(buffer),
    floats: new Float32Array(buffer),
    doubles: new Float64Array(buffer),
    integers: new BigInt64Array(buffer),
    wake,
  };
}
