// An object of shared memory by its name, mapped read-only for a reader, until the name leads to another one.

import { blockAlignment } from "./layout.ts";
import type { Mapping } from "./posix/mapping.ts";
import { SharedMemoryObject } from "./posix/shared-memory-object.ts";
import { ImageError } from "./read-directory.ts";

export class OpenedObject<Reader> {
  readonly name: string;
  readonly #leastBytes: number;
  readonly #read: (memory: ArrayBufferLike) => Reader;
  #object: SharedMemoryObject | undefined;
  #mapping: Mapping | undefined;
  #reader: Reader | undefined;

  /** Opens nothing yet. `read` throws an ImageError or RangeError when the memory holds nothing that it knows. */
  constructor(name: string, leastBytes: number, read: (memory: ArrayBufferLike) => Reader) {
    this.name = name;
    this.#leastBytes = leastBytes;
    this.#read = read;
  }

  /** Of what was opened last, whether or not the name still leads there. */
  get reader(): Reader | undefined {
    return this.#reader;
  }

  get mapping(): Mapping | undefined {
    return this.#mapping;
  }

  /** The name leads to what was opened last. */
  isCurrent(): boolean {
    return this.#reader !== undefined && this.#object?.isLinked() === true;
  }

  /** A process holds the writer's lock of what was opened last. */
  isLocked(): boolean {
    return this.#object?.isLocked() === true;
  }

  /** Closes what was opened last and opens what the name leads to; undefined when that is nothing, or nothing that `read` knows. */
  reopen(): Reader | undefined {
    this.close();
    const object = SharedMemoryObject.openExisting(this.name, "read-only");
    if (object === undefined) return undefined;
    this.#object = object;
    const sizeBytes = object.sizeBytes();
    if (sizeBytes < this.#leastBytes) return undefined;
    this.#mapping = object.map("read-only", sizeBytes - (sizeBytes % blockAlignment));
    try {
      this.#reader = this.#read(this.#mapping.buffer);
    } catch (error) {
      this.close();
      if (error instanceof ImageError || error instanceof RangeError) return undefined;
      throw error;
    }
    return this.#reader;
  }

  /** What was opened is gone, also when the system reports a failure. */
  close(): void {
    const mapping = this.#mapping;
    const object = this.#object;
    this.#reader = undefined;
    this.#mapping = undefined;
    this.#object = undefined;
    try {
      mapping?.unmap();
    } finally {
      object?.close();
    }
  }
}
