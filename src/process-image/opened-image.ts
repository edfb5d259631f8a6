// An image by its name, for readers: mapped read-only, and opened again when the writer made a new generation or was restarted.

import type { Mapping } from "../posix/mapping.ts";
import { SharedMemoryObject } from "../posix/shared-memory-object.ts";
import { ImageError, ImageReader } from "./image-reader.ts";

export class OpenedImage implements Disposable {
  readonly name: string;
  #object: SharedMemoryObject | undefined;
  #mapping: Mapping | undefined;
  #reader: ImageReader | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The image that the name leads to now; undefined when there is none (yet). Cheap while nothing has changed. */
  current(): ImageReader | undefined {
    if (this.#reader !== undefined && !this.#reader.isRetired && this.#object?.isLinked() === true) return this.#reader;
    this.close();
    const object = SharedMemoryObject.openExisting(this.name, "read-only");
    if (object === undefined) return undefined;
    this.#object = object;
    if (object.sizeBytes() === 0) return undefined;
    this.#mapping = object.map("read-only");
    try {
      this.#reader = new ImageReader(this.#mapping.buffer);
    } catch (error) {
      this.close();
      if (error instanceof ImageError || error instanceof RangeError) return undefined;
      throw error;
    }
    return this.#reader;
  }

  close(): void {
    this.#reader = undefined;
    this.#mapping?.unmap();
    this.#mapping = undefined;
    this.#object?.close();
    this.#object = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
