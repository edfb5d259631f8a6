// The queue on disk: blocks of records wait here until the engine has taken them. Files of one size are filled one after another, read in order,
// and removed when every record in them was taken, or to make room for newer ones.
//
// Promises: order; what `append` returned from survives the death of the process, and what `flush` resolved after, a power failure.
// A full disk, or the limit, costs the oldest records, and says how many; so does the reading for damage, and for files that are gone. After a
// crash a block may be read a second time, never half of one.
// Does not promise: safety from a second process in the same folder (the caller locks it).

import {
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { toDisk } from "@cpc-partition/process/to-disk";
import { BoundsFile } from "./bounds-file.ts";
import { encodeBlock, readBlock, type StoredBlock } from "./segment.ts";

export interface QueueLimits {
  readonly limitBytes: number;
  /** What is removed at once to make room. */
  readonly segmentBytes: number;
}

export interface QueuedBlock {
  /** Undefined: these records cannot be read, because the disk gave other bytes back than were written, or somebody removed the file. */
  readonly payload: Buffer | undefined;
  readonly records: number;
  /** Behind its last record: what `acknowledge` wants. Records are numbered from the first one that the queue ever held. */
  readonly end: number;
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
const nameDigits = 16;
/** A copy that somebody made beside them has another name. */
const namePattern = /^\d{16}\.queue$/;

export class SegmentQueue implements Disposable {
  /** What was taken of the records that an earlier process left is not known: all of them are read again. */
  readonly isTakenUnknown: boolean;
  readonly #folder: string;
  readonly #limits: QueueLimits;
  /** In order; never empty. */
  readonly #segments: Segment[] = [];
  readonly #bounds: BoundsFile;
  /** Files and folders that are not on the disk itself yet. */
  readonly #volatile = new Set<string>();
  /** Number of the first record that was not taken. */
  #taken: number;
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
    this.#bounds = new BoundsFile(join(folder, "bounds"));
    const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
    for (const name of files.flatMap(({ name: file }) => (namePattern.test(file) ? [file] : [])).toSorted()) {
      const path = join(folder, name);
      this.#segments.push({ path, first: Number(name.slice(0, -suffix.length)), bytes: statSync(path).size });
    }
    const oldest = this.#segments[0]?.first;
    this.isTakenUnknown = this.#bounds.found === undefined && oldest !== undefined;
    const { taken, end } = this.#bounds.found ?? { taken: oldest ?? 0, end: oldest ?? 0 };
    this.#taken = taken;
    this.#end = end;
    // As if the file that is gone were there and could not be read.
    if (taken < (oldest ?? end)) this.#segments.unshift({ path: this.#pathOf(taken), first: taken, bytes: 0 });
    const newest = this.#segments.at(-1);
    this.#writing = newest === undefined ? this.#create() : this.#adopt(newest);
    this.#bytes = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
    // Also when nothing has changed: it takes its room on the disk while there is some.
    this.#bounds.store({ taken: this.#taken, end: this.#end });
    // Any of the folders may be new.
    for (let above = folder; ; above = dirname(above)) {
      this.#volatile.add(above);
      if (above === dirname(above)) break;
    }
    this.#removeTaken();
    this.rewind();
  }

  /** Records that wait, whether they were read or not. */
  get records(): number {
    return this.#end - this.#taken;
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
    const taken = this.#taken;
    let refusal: string | undefined;
    if (this.#writing.segment.bytes > 0 && this.#writing.segment.bytes + block.length > segmentBytes) this.#roll();
    while (refusal === undefined && this.#bytes + block.length > limitBytes && this.#canDrop())
      refusal = this.#dropOldest();
    refusal ??= this.#write(block, records);
    let code = refusal;
    while (code !== undefined && this.#canDrop() && this.#dropOldest() === undefined)
      code = this.#write(block, records);
    const lost = this.#taken - taken + (code === undefined ? 0 : records);
    if (lost === 0) return undefined;
    return refusal === undefined ? { records: lost, why: "limit" } : { records: lost, why: "disk", code: refusal };
  }

  /** The next block that was not read yet; undefined when all were. Reading takes nothing out. Throws what the system throws: read again later. */
  read(): QueuedBlock | undefined {
    while (this.#next.record < this.#end) {
      const segment = this.#reading?.segment ?? this.#segmentAt(this.#next.record);
      const block = this.#readIn(segment);
      if (block !== undefined) {
        this.#advance(block);
        return { payload: block.payload, records: block.records, end: this.#next.record };
      }
      const { record } = this.#next;
      if (!this.#leave(segment)) return undefined;
      const end = this.#next.record;
      if (end > record) return { payload: undefined, records: end - record, end };
    }
    return undefined;
  }

  /** Reads again from the first record that was not acknowledged. */
  rewind(): void {
    const taken = this.#taken;
    const segment = this.#segmentAt(taken);
    this.#readAt(segment.first);
    while (this.#next.record < taken) {
      const block = this.#readIn(segment);
      if (block !== undefined) {
        this.#advance(block);
        continue;
      }
      // Damage among what was taken: the next reading finds that what is behind it in this file is lost.
      this.#next.record = taken;
      if (taken === this.#end) this.#leave(segment);
    }
  }

  /** The engine has everything before `end`; it is never read again, not even after a crash. Throws what the system throws when a file does not go. */
  acknowledge(end: number): void {
    if (end > this.#taken) {
      this.#taken = end;
      this.#bounds.store({ taken: end, end: this.#end });
      this.#volatile.add(this.#bounds.path);
    }
    // One that did not go before is tried again.
    this.#removeTaken();
  }

  /** Resolves when everything appended so far is on the disk itself; rejects with what the system says. */
  async flush(): Promise<void> {
    const paths = [...this.#volatile];
    this.#volatile.clear();
    const outcomes = await Promise.allSettled(paths.map(async (path) => await toDisk(path)));
    const failed = outcomes.flatMap((outcome, index) => {
      if (outcome.status === "fulfilled" || nothingToSync.has(codeOf(outcome.reason))) return [];
      return [{ path: paths[index] ?? "", reason: outcome.reason as Error }];
    });
    for (const { path } of failed) this.#volatile.add(path);
    if (failed[0] !== undefined) throw failed[0].reason;
  }

  [Symbol.dispose](): void {
    closeSync(this.#writing.descriptor);
    this.#readAt(this.#end);
    this.#bounds[Symbol.dispose]();
  }

  #pathOf(first: number): string {
    return join(this.#folder, `${String(first).padStart(nameDigits, "0")}${suffix}`);
  }

  #create(): Opened {
    const path = this.#pathOf(this.#end);
    const descriptor = openSync(path, "wx", 0o640);
    const segment = { path, first: this.#end, bytes: 0 };
    this.#segments.push(segment);
    this.#volatile.add(this.#folder);
    return { segment, descriptor };
  }

  /**
   * Goes on in the newest file of an earlier process, without the part of a block that it may have left at the end. If records are missing there, the
   * file stays as it is, for the reading to count them, and a new one begins.
   */
  #adopt(segment: Segment): Opened {
    let descriptor: number | undefined;
    let wholeBytes = 0;
    let end = segment.first;
    try {
      descriptor = openSync(segment.path, "r+");
      for (let block; (block = readBlock(descriptor, wholeBytes, segment.bytes)) !== undefined;) {
        wholeBytes += block.bytes;
        end += block.records;
      }
    } catch (error) {
      if (!goneForGood.has(codeOf(error))) throw error;
    }
    if (descriptor === undefined || end < this.#end) {
      if (descriptor !== undefined) closeSync(descriptor);
      return this.#create();
    }
    this.#end = end;
    ftruncateSync(descriptor, wholeBytes);
    segment.bytes = wholeBytes;
    return { segment, descriptor };
  }

  /** Begins a new file; the system's code when there cannot be one. */
  #roll(): string | undefined {
    const { descriptor } = this.#writing;
    try {
      this.#writing = this.#create();
    } catch (error) {
      return codeOf(error);
    }
    closeSync(descriptor);
    return undefined;
  }

  /** Writes a whole block or nothing; the system's code when it could not. */
  #write(block: Buffer, records: number): string | undefined {
    const { segment, descriptor } = this.#writing;
    const end = this.#end + records;
    try {
      for (let written = 0; written < block.length;)
        written += writeSync(descriptor, block, written, block.length - written, segment.bytes + written);
      this.#bounds.store({ taken: this.#taken, end });
    } catch (error) {
      // What was written of it is overwritten by the next, or found to be half a block.
      return codeOf(error);
    }
    this.#end = end;
    this.#volatile.add(segment.path).add(this.#bounds.path);
    segment.bytes += block.length;
    this.#bytes += block.length;
    return undefined;
  }

  /** Whether a file can be given up; the one that is written makes place for an empty one first. */
  #canDrop(): boolean {
    if (this.#segments.length > 1) return true;
    return this.#writing.segment.bytes > 0 && this.#roll() === undefined;
  }

  /** The system's code when it does not go. */
  #dropOldest(): string | undefined {
    try {
      this.acknowledge(this.#segments[1]?.first ?? this.#end);
      return undefined;
    } catch (error) {
      return codeOf(error);
    }
  }

  #removeTaken(): void {
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || next.first > this.#taken) return;
      if (this.#next.record < next.first || this.#reading?.segment === oldest) this.#readAt(next.first);
      // First the note: after a power failure a file that is gone counts as lost unless it was taken.
      this.#bounds.toDisk();
      removeFile(oldest.path);
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

  #advance({ bytes, records }: StoredBlock): void {
    this.#next.offset += bytes;
    this.#next.record += records;
  }

  /**
   * Reads next behind this file: it has ended, or is damaged, and behind damage nothing can be found. So nothing more may be written there, either:
   * false when there can be no other file at present.
   */
  #leave(segment: Segment): boolean {
    if (segment === this.#writing.segment && this.#roll() !== undefined) return false;
    this.#readAt(this.#segments[this.#segments.indexOf(segment) + 1]?.first ?? this.#end);
    return true;
  }

  #segmentAt(record: number): Segment {
    return this.#segments.findLast(({ first }) => first <= record) ?? this.#writing.segment;
  }

  /** Undefined at the end of the file, and when nothing of it will ever be read. */
  #readIn(segment: Segment): StoredBlock | undefined {
    try {
      this.#reading ??= { segment, descriptor: openSync(segment.path, constants.O_RDONLY | constants.O_NONBLOCK) };
      return readBlock(this.#reading.descriptor, this.#next.offset, segment.bytes);
    } catch (error) {
      if (goneForGood.has(codeOf(error))) return undefined;
      throw error;
    }
  }
}

/** Somebody removed the file, or put something else in its place; or the disk cannot read it. */
const goneForGood: ReadonlySet<string> = new Set(["ENOENT", "ENXIO", "EISDIR", "ESPIPE", "EIO"]);

/** The file was taken meanwhile; the folder is somebody else's. */
const nothingToSync: ReadonlySet<string> = new Set(["ENOENT", "EACCES"]);

/** A folder that somebody put in its place stays. */
function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    if (codeOf(error) !== "ERR_FS_EISDIR") throw error;
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
