// How far the engine has taken the queue: one number, written over itself, so that a full disk cannot keep it from being stored.

import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

const recordBytes = 8;
const fileBytes = recordBytes + 4;

export class TakenFile implements Disposable {
  readonly #descriptor: number;
  readonly #stored = Buffer.alloc(fileBytes);
  #record = 0;

  /** A missing or damaged file means 0: the queue is sent from its beginning, some of it again. */
  constructor(path: string) {
    this.#descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o640);
    const bytes = readSync(this.#descriptor, this.#stored, 0, fileBytes, 0);
    const isSound = bytes === fileBytes && this.#stored.readUInt32LE(recordBytes) === this.#checksum();
    if (isSound) this.#record = Number(this.#stored.readBigUInt64LE(0));
    // Also a 0: it takes its room on the disk while there is some.
    this.#store();
  }

  /** Number of the first record that was not taken. */
  get record(): number {
    return this.#record;
  }

  set record(record: number) {
    if (record === this.#record) return;
    this.#record = record;
    this.#store();
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #store(): void {
    this.#stored.writeBigUInt64LE(BigInt(this.#record), 0);
    this.#stored.writeUInt32LE(this.#checksum(), recordBytes);
    writeSync(this.#descriptor, this.#stored, 0, fileBytes, 0);
  }

  #checksum(): number {
    return crc32(this.#stored.subarray(0, recordBytes));
  }
}
