// The queue on disk: blocks of records wait here until the engine has taken them. Files of one size are filled one after another, read in order,
// and removed when every record in them was taken, or to make room for newer ones.
//
// Promises: order; what `append` returned from survives the death of the process, and what `flush` resolved after survives a power failure.
// A full disk, or the limit, costs the oldest records, and says how many. After a crash a block may be read a second time, never half of one.
// Does not promise: safety from a second process in the same folder (the caller locks it).

import {
  closeSync,
  fdatasync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { encodeBlock, readBlock, type StoredBlock } from "./segment.ts";
import { TakenFile } from "./taken-file.ts";

export interface QueueLimits {
  readonly limitBytes: number;
  /** What is removed at once to make room. */
  readonly segmentBytes: number;
}

export interface QueuedBlock {
  readonly payload: Buffer;
  readonly records: number;
  /** Behind its last record: what `acknowledge` wants. Records are numbered from the first one that the queue ever held. */
  readonly end: number;
  /** Records before this block that could not be read: the disk gave other bytes back than were written. */
  readonly damaged: number;
}

export interface Loss {
  readonly records: number;
  readonly why: "limit" | "disk";
  /** The system's code, for "disk". */
  readonly code?: string;
}

interface Segment {
  readonly path: string;
  /** Number of its first record. */
  readonly first: number;
  bytes: number;
}

interface Opened {
  readonly segment: Segment;
  readonly descriptor: number;
}

const suffix = ".queue";

export class SegmentQueue implements Disposable {
  readonly #folder: string;
  readonly #limits: QueueLimits;
  /** In order; never empty. */
  readonly #segments: Segment[] = [];
  readonly #taken: TakenFile;
  #writing: Opened;
  #reading: Opened | undefined;
  /** Where the next block to read stands: within its file, and the number of its first record. */
  #next = { offset: 0, record: 0 };
  #end: number;
  #bytes: number;

  /** Opens the queue that an earlier process left, or an empty one. Throws what the system throws when the folder cannot be used. */
  constructor(folder: string, limits: QueueLimits) {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    this.#folder = folder;
    this.#limits = limits;
    this.#taken = new TakenFile(join(folder, "taken"));
    for (const name of readdirSync(folder)
      .filter((entry) => entry.endsWith(suffix))
      .toSorted()) {
      const path = join(folder, name);
      this.#segments.push({ path, first: Number(name.slice(0, -suffix.length)), bytes: statSync(path).size });
    }
    this.#end = this.#taken.record;
    const newest = this.#segments.at(-1);
    this.#writing = newest === undefined ? this.#create() : this.#adopt(newest);
    this.#bytes = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
    // The file of the first may be gone, or the newest may have lost its end with the power.
    this.#taken.record = Math.min(Math.max(this.#taken.record, this.#segments[0]?.first ?? 0), this.#end);
    this.#removeTaken();
    this.rewind();
  }

  /** Records that wait, whether they were read or not. */
  get records(): number {
    return this.#end - this.#taken.record;
  }

  /** What the files take on disk, those of records that were taken and whose file is not empty yet included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Behind the newest record. */
  get end(): number {
    return this.#end;
  }

  /** Stores a block behind all others. The result says which records were lost to make room for it, or that these were. */
  append(payload: Uint8Array, records: number): Loss | undefined {
    const block = encodeBlock(payload, records);
    const { limitBytes, segmentBytes } = this.#limits;
    let lost = 0;
    if (this.#writing.segment.bytes > 0 && this.#writing.segment.bytes + block.length > segmentBytes) this.#roll(true);
    while (this.#bytes + block.length > limitBytes && this.#canDrop()) lost += this.#dropOldest();
    const refusal = this.#write(block);
    let code = refusal;
    for (; code !== undefined && this.#canDrop(); code = this.#write(block)) lost += this.#dropOldest();
    if (code === undefined) this.#end += records;
    else lost += records;
    if (lost === 0) return undefined;
    return refusal === undefined ? { records: lost, why: "limit" } : { records: lost, why: "disk", code: refusal };
  }

  /** The next block that was not read yet; undefined when all were. Reading takes nothing out. Throws what the system throws: read again later. */
  read(): QueuedBlock | undefined {
    for (let damaged = 0; this.#next.record < this.#end;) {
      const segment = this.#reading?.segment ?? this.#segmentAt(this.#next.record);
      const block = this.#readIn(segment);
      if (block !== undefined) {
        this.#next.offset += block.bytes;
        this.#next.record += block.records;
        return { payload: block.payload, records: block.records, end: this.#next.record, damaged };
      }
      // The end of a file, or damage: behind that nothing can be found in the same file.
      const resumesAt = this.#segments[this.#segments.indexOf(segment) + 1]?.first ?? this.#end;
      damaged += resumesAt - this.#next.record;
      this.#readAt(resumesAt);
    }
    return undefined;
  }

  /** Reads again from the first record that was not acknowledged. */
  rewind(): void {
    const taken = this.#taken.record;
    const first = this.#segments.findLast((segment) => segment.first <= taken)?.first ?? taken;
    this.#readAt(first);
    while (this.#next.record < taken && this.read() !== undefined);
  }

  /** The engine has everything before `end`; it is never read again, not even after a crash. */
  acknowledge(end: number): void {
    if (end <= this.#taken.record) return;
    this.#taken.record = end;
    this.#removeTaken();
  }

  /** Resolves when everything appended so far is on the disk itself; rejects with what the system says. */
  async flush(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    fdatasync(this.#writing.descriptor, (error) => (error === null ? resolve() : reject(error)));
    await promise;
  }

  [Symbol.dispose](): void {
    closeSync(this.#writing.descriptor);
    this.#readAt(this.#end);
    this.#taken[Symbol.dispose]();
  }

  #create(): Opened {
    const path = join(this.#folder, `${String(this.#end).padStart(16, "0")}${suffix}`);
    const descriptor = openSync(path, "w", 0o640);
    const segment = { path, first: this.#end, bytes: 0 };
    this.#segments.push(segment);
    return { segment, descriptor };
  }

  /** Goes on in the newest file of an earlier process, without the part of a block that it may have left at the end. */
  #adopt(segment: Segment): Opened {
    const descriptor = openSync(segment.path, "r+");
    let wholeBytes = 0;
    this.#end = segment.first;
    for (let block; (block = readBlock(descriptor, wholeBytes, segment.bytes)) !== undefined;) {
      wholeBytes += block.bytes;
      this.#end += block.records;
    }
    ftruncateSync(descriptor, wholeBytes);
    segment.bytes = wholeBytes;
    return { segment, descriptor };
  }

  /** Begins a new file; the system's code when there cannot be one. `isKept`: false when the file before is about to be removed. */
  #roll(isKept: boolean): string | undefined {
    const { descriptor } = this.#writing;
    try {
      this.#writing = this.#create();
    } catch (error) {
      return codeOf(error);
    }
    // Synced beside the writing. If that fails, a power failure may cost the end of this file, and its checksums then show that.
    if (isKept) fdatasync(descriptor, () => closeSync(descriptor));
    else closeSync(descriptor);
    return undefined;
  }

  /** Writes a whole block or nothing; the system's code when it could not. */
  #write(block: Buffer): string | undefined {
    const { segment, descriptor } = this.#writing;
    try {
      for (let written = 0; written < block.length;)
        written += writeSync(descriptor, block, written, block.length - written, segment.bytes + written);
    } catch (error) {
      // What was written of it is overwritten by the next, or found to be half a block.
      return codeOf(error);
    }
    segment.bytes += block.length;
    this.#bytes += block.length;
    return undefined;
  }

  /** Whether a file can be given up; the one that is written makes place for an empty one first. */
  #canDrop(): boolean {
    if (this.#segments.length > 1) return true;
    return this.#writing.segment.bytes > 0 && this.#roll(false) === undefined;
  }

  /** How many records were lost that nobody had taken. */
  #dropOldest(): number {
    const end = this.#segments[1]?.first ?? this.#end;
    const lost = Math.max(0, end - this.#taken.record);
    this.acknowledge(end);
    return lost;
  }

  #removeTaken(): void {
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || next.first > this.#taken.record) return;
      if (this.#next.record < next.first || this.#reading?.segment === oldest) this.#readAt(next.first);
      rmSync(oldest.path, { force: true });
      this.#bytes -= oldest.bytes;
      this.#segments.shift();
    }
  }

  /** Reads next at the first record of a file. */
  #readAt(record: number): void {
    if (this.#reading !== undefined) closeSync(this.#reading.descriptor);
    this.#reading = undefined;
    this.#next = { offset: 0, record };
  }

  #segmentAt(record: number): Segment {
    return this.#segments.findLast(({ first }) => first <= record) ?? this.#writing.segment;
  }

  /** Undefined at the end of the file, and when nothing of it will ever be read. */
  #readIn(segment: Segment): StoredBlock | undefined {
    try {
      this.#reading ??= { segment, descriptor: openSync(segment.path, "r") };
      return readBlock(this.#reading.descriptor, this.#next.offset, segment.bytes);
    } catch (error) {
      if (goneForGood.has(codeOf(error))) return undefined;
      throw error;
    }
  }
}

/** Somebody removed the file, or the disk cannot read it. */
const goneForGood: ReadonlySet<string> = new Set(["ENOENT", "EIO"]);

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
