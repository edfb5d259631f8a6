// The main thread's half of a service's process image: the name, the lock that keeps a second writer away, and the step from one
// generation to the next.
//
// A new generation is made under a name of its own (`NAME.next`), filled by the worker, and then renamed over the old one: whoever opens
// NAME gets a complete image or the complete one before, never half of one. The lock hangs on each generation's descriptor.

import { mappedMemory } from "../process-image/image-memory.ts";
import { ImageError, ImageReader } from "../process-image/image-reader.ts";
import { retireImage } from "../process-image/image-writer.ts";
import { AnotherWriterError, becomeSingleWriter } from "../posix/single-writer.ts";
import { SharedMemoryObject } from "../posix/shared-memory-object.ts";

/** Owner reads and writes, group reads: no consumer can change a value or disturb the writer. */
const imageMode = 0o640;

export class ImageOwner {
  readonly name: string;
  /** The image that the name leads to: ours, or at first what an earlier run left. */
  #current: SharedMemoryObject | undefined;
  #next: SharedMemoryObject | undefined;
  /** Readers of our own generations are sent on by the worker, those of an earlier run or a crashed worker by nobody else. */
  #isAbandoned = true;

  /** Throws an AnotherWriterError when a living process writes the image of this name. */
  constructor(name: string) {
    this.name = name;
    this.#current = lockExisting(name);
  }

  /** Memory for a new generation, all zero, not under the image's name yet. */
  prepare(sizeBytes: number): { readonly descriptor: number; readonly sizeBytes: number } {
    // A worker that crashed has left its mapping behind, and with it the lock on what it was preparing.
    this.#dropNext();
    const { object } = becomeSingleWriter(`${this.name}.next`, sizeBytes, imageMode);
    object.clearFrom(0);
    this.#next = object;
    // Between our look and this lock another writer may have finished its first image.
    this.#current ??= lockExisting(this.name);
    return { descriptor: object.descriptor, sizeBytes: object.sizeBytes() };
  }

  /** Gives the prepared memory the image's name. */
  announce(): void {
    if (this.#next === undefined) throw new TypeError(`no new generation of ${this.name} was prepared`);
    this.#next.rename(this.name);
    if (this.#isAbandoned && this.#current !== undefined) retireLeftOver(this.#current);
    this.#isAbandoned = false;
    this.#current?.close();
    this.#current = this.#next;
    this.#next = undefined;
  }

  /** The worker has crashed: nobody fills the image any more, and its readers are told. */
  abandon(): void {
    this.#isAbandoned = true;
    if (this.#current !== undefined) retireLeftOver(this.#current);
  }

  /** Removes the name if it still leads to our image. */
  remove(): void {
    if (this.#current?.isLinked() === true) this.#current.unlink();
  }

  close(): void {
    this.#dropNext();
    this.#current?.close();
  }

  #dropNext(): void {
    this.#next?.unlink();
    this.#next?.close();
    this.#next = undefined;
  }
}

function lockExisting(name: string): SharedMemoryObject | undefined {
  const existing = SharedMemoryObject.adopt(name, imageMode);
  if (existing === undefined) return undefined;
  if (existing.tryLock()) return existing;
  existing.close();
  throw new AnotherWriterError(name);
}

/** What a killed run left may be anything; only a whole image of our version is written to. */
function retireLeftOver(object: SharedMemoryObject): void {
  if (object.sizeBytes() === 0) return;
  using mapping = object.map("read-write");
  try {
    if (new ImageReader(mapping.buffer).directory.imageBytes > mapping.sizeBytes) return;
    retireImage(mappedMemory(mapping));
  } catch (error) {
    if (!(error instanceof ImageError || error instanceof RangeError)) throw error;
  }
}
