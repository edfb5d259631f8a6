// A shared memory object in the address space of this process.
//
// After `unmap` the buffer is detached: an access finds nothing instead of ending the process. Memory that another process
// cuts off with ftruncate still ends it (SIGBUS), which no JavaScript can catch: map only what nobody else may write.

import { PosixError } from "./errno.ts";
import { libc, memoryAt } from "./libc.ts";

export type MappingAccess = "read-only" | "read-write";

// mman.h of Linux; the same on every architecture that Node runs on.
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

export class Mapping implements Disposable {
  readonly name: string;
  readonly buffer: ArrayBuffer;
  /** Of the first byte; valid until `unmap`. */
  readonly address: bigint;
  readonly sizeBytes: number;
  #isMapped = true;

  /** Writing to a read-only mapping ends the process (SIGSEGV): the memory management unit holds the promise, not JavaScript. */
  constructor(name: string, descriptor: number, sizeBytes: number, access: MappingAccess) {
    const protection = access === "read-write" ? PROT_READ | PROT_WRITE : PROT_READ;
    const address = libc.mmap(null, sizeBytes, protection, MAP_SHARED, descriptor, 0);
    if (typeof address === "number") throw new PosixError("map shared memory", name, "mmap", address);
    this.name = name;
    this.address = address;
    this.sizeBytes = sizeBytes;
    this.buffer = memoryAt(address, sizeBytes);
  }

  /** Harmless when done before. */
  unmap(): void {
    if (!this.#isMapped) return;
    this.#isMapped = false;
    this.buffer.transfer();
    const result = libc.munmap(this.address, this.sizeBytes);
    if (result < 0) throw new PosixError("unmap shared memory", this.name, "munmap", result);
  }

  [Symbol.dispose](): void {
    this.unmap();
  }
}
