// The main thread's half of a service's process image: the name, the lock that keeps a second writer away, and the step from one
// generation to the next.
//
// A new generation is made under a name of its own (`NAME.next`), filled by the worker, and then renamed over the old one: whoever opens
// NAME gets a complete image or the complete one before, never half of one. An image that is kept has its other name before it loses this one:
// a reader that looks at NAME first and at the kept ones then finds it. The lock hangs on each generation's descriptor.

import { mappedMemory } from "@cpc-partition/image/image-memory";
import { ImageHeader } from "@cpc-partition/image/image-header";
import { ImageReader } from "@cpc-partition/image/image-reader";
import { ImageError } from "@cpc-partition/image/read-directory";
import { nameBefore, nameEarlier } from "@cpc-partition/image/kept-names";
import { retireImage } from "@cpc-partition/image/image-writer";
import { UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { stateOfPath } from "@cpc-partition/image/posix/file-state";
import { segmentPath } from "@cpc-partition/image/posix/object-name";
import {
  AnotherWriterError,
  becomeSingleWriter,
  quietly,
  replaceForeign,
  type Replaced,
} from "@cpc-partition/image/posix/single-writer";
import { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";

/** Owner reads and writes, group reads: no consumer can change a value or disturb the writer. */
const imageMode = 0o640;
/** Until it has its final name nobody else may even open it: a reader could lock it and be in the way. */
const nextMode = 0o600;
const smallestBytes = 4096;

/** Told of what could not be tidied up; what was asked for is done all the same. */
export type Troubled = (error: unknown) => void;

export class ImageOwner {
  readonly name: string;
  readonly #troubled: Troubled;
  readonly #replaced: Replaced;
  /** The image that the name leads to: ours, or at first what an earlier run left. */
  #current: SharedMemoryObject | undefined;
  /** The generation in the making. From the start there is one: its lock says who is going to be the writer. */
  #next: SharedMemoryObject | undefined;
  /** A worker has mapped the next generation: if it crashed, its mapping has stayed behind. */
  #isHandedOut = false;
  /** Readers of our own generations are sent on by the worker, those of an earlier run or a crashed worker by nobody else. */
  #isAbandoned = true;

  /** Throws an AnotherWriterError when a living process writes the image of this name, an UnsuitableObjectError or PosixError. */
  constructor(name: string, troubled: Troubled = () => {}, replaced: Replaced = () => {}) {
    this.name = name;
    this.#troubled = troubled;
    this.#replaced = replaced;
    openLeftOver(name, replaced)?.close();
    this.#next = this.#newNext();
    try {
      // Before we had this lock another writer may have finished its first image.
      this.#current = openLeftOver(name, replaced);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Of the image that the name leads to. */
  get sizeBytes(): number {
    return this.#current?.sizeBytes() ?? 0;
  }

  /** Of the run that wrote the image that the name leads to; undefined when there is no such image. */
  get startedNs(): bigint | undefined {
    const image = this.#current;
    if (image === undefined || image.sizeBytes() === 0) return undefined;
    using mapping = image.map("read-only");
    try {
      return new ImageHeader(mapping.buffer).startedNs;
    } catch (error) {
      if (error instanceof ImageError) return undefined;
      throw error;
    }
  }

  /** Memory for a new generation, all zero, not under the image's name yet. Throws a PosixError or UnsuitableObjectError. */
  prepare(sizeBytes: number): { readonly descriptor: number; readonly sizeBytes: number } {
    this.#removeUnusable();
    this.#next ??= this.#newNext();
    this.#isHandedOut = true;
    // Clearing gives memory back, so it comes first: a page that cannot be had later would end the process.
    this.#next.clearFrom(0);
    this.#next.reserve(sizeBytes);
    return { descriptor: this.#next.descriptor, sizeBytes: this.#next.sizeBytes() };
  }

  /**
   * Gives the prepared memory the image's name. The image that had it keeps the name `keepAs`, if there is one and that can be done. Throws a
   * PosixError or UnsuitableObjectError when it cannot.
   */
  announce(keepAs?: string): void {
    if (this.#next === undefined) throw new TypeError(`no new generation of ${this.name} was prepared`);
    if (!this.#next.isLinked())
      throw new UnsuitableObjectError("announce process image", this.name, "somebody removed it while it was made");
    this.#next.setMode(imageMode);
    const before = this.#current;
    if (keepAs !== undefined) this.#tidy(() => before?.isLinked() === true && before.linkAs(keepAs));
    this.#next.rename(this.name);
    const isLeftOver = this.#isAbandoned;
    this.#current = this.#next;
    this.#next = undefined;
    this.#isHandedOut = false;
    this.#isAbandoned = false;
    if (isLeftOver) this.#retire(before);
    this.#tidy(() => before?.close());
  }

  /**
   * Somebody removed the name of the image that the worker fills, or gave it a second one. A file without a name cannot get it back, a new
   * generation can. What else may have taken the name is left alone: it need not be ours to replace.
   */
  isLost(): boolean {
    const image = this.#current;
    if (image === undefined || this.#isAbandoned || this.#isHandedOut) return false;
    return stateOfPath(segmentPath(this.name), this.name) === undefined || (image.isLinked() && image.hasOtherNames());
  }

  /** The worker has crashed: nobody fills the image any more, and its readers are told. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#retire(this.#current);
  }

  /** Removes the name if it still leads to our image, and what was kept. */
  remove(): void {
    this.#tidy(() => this.#current?.isLinked() === true && this.#current.unlink());
    for (const name of [nameBefore(this.name), nameEarlier(this.name)])
      this.#tidy(() => SharedMemoryObject.remove(name));
  }

  close(): void {
    const next = this.#next;
    this.#tidy(() => next?.isLinked() === true && next.unlink());
    this.#tidy(() => next?.close());
    this.#tidy(() => this.#current?.close());
  }

  /**
   * What a worker has mapped, or has lost its name, is not handed out again. It must not keep the name either: its mapping keeps its lock,
   * which would be in our own way. Throws when the name cannot be removed, and may be asked again.
   */
  #removeUnusable(): void {
    const next = this.#next;
    if (next === undefined) return;
    const isLinked = next.isLinked();
    if (isLinked && !this.#isHandedOut) return;
    if (isLinked) next.unlink();
    this.#next = undefined;
    this.#isHandedOut = false;
    this.#tidy(() => next.close());
  }

  #newNext(): SharedMemoryObject {
    return becomeSingleWriter(`${this.name}.next`, smallestBytes, nextMode, "required", this.#replaced).object;
  }

  #retire(image: SharedMemoryObject | undefined): void {
    if (image !== undefined) this.#tidy(() => retireLeftOver(image));
  }

  #tidy(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#troubled(error);
    }
  }
}

/** Locked where that is possible; a read lock can be anybody's and does not matter. Throws an AnotherWriterError. */
function openLeftOver(name: string, replaced: Replaced): SharedMemoryObject | undefined {
  replaceForeign(name, "required", replaced);
  const leftOver = SharedMemoryObject.adopt(name, imageMode);
  try {
    if (leftOver === undefined || leftOver.tryLock() || !leftOver.isLocked()) return leftOver;
    throw new AnotherWriterError(name);
  } catch (error) {
    quietly(() => leftOver?.close());
    throw error;
  }
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
