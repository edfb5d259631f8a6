// Where the queue begins and ends: two numbers, written over themselves, so that a full disk cannot keep them from being stored. The end is known
// here as well as from the records, so that records which the disk has lost can be counted.

import { closeSync, constants, fsyncSync, readSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";
import { openRegularFile } from "@cpc-partition/process/bounded-file";

export interface Bounds {
  /** Number of the first record that was not taken. */
  readonly taken: number;
  /** Behind the last record that was stored. */
  readonly end: number;
}

const takenOffset = 0;
const endOffset = takenOffset + 8;
const checksumOffset = endOffset + 8;
const fileBytes = checksumOffset + 4;

export class BoundsFile implements Disposable {
  readonly path: string;
  /** What an earlier process left; undefined when there is no such file, or a damaged one. */
  readonly found: Bounds | undefined;
  readonly #descriptor: number;

  constructor(path: string) {
    this.path = path;
    this.#descriptor = openRegularFile(path, constants.O_RDWR | constants.O_CREAT, 0o640);
    const stored = Buffer.alloc(fileBytes);
    const bytes = readSync(this.#descriptor, stored, 0, fileBytes, 0);
    if (bytes === fileBytes && stored.readUInt32LE(checksumOffset) === checksum(stored))
      this.found = {
        taken: Number(stored.readBigUInt64LE(takenOffset)),
        end: Number(stored.readBigUInt64LE(endOffset)),
      };
  }

  store({ taken, end }: Bounds): void {
    const stored = Buffer.alloc(fileBytes);
    stored.writeBigUInt64LE(BigInt(taken), takenOffset);
    stored.writeBigUInt64LE(BigInt(end), endOffset);
    stored.writeUInt32LE(checksum(stored), checksumOffset);
    writeSync(this.#descriptor, stored, 0, fileBytes, 0);
  }

  /** What was stored survives a power failure. Also where somebody removed the file. */
  toDisk(): void {
    fsyncSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

function checksum(stored: Buffer): number {
  return crc32(stored.subarray(0, checksumOffset));
}
