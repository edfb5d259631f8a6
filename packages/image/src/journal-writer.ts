// The writer of a journal. `append` costs some ten nanoseconds and waits for nobody; readers find what was appended after `commit`.

import { alignUp } from "./byte-layout.ts";
import { journalHeader, journalMagicWords, journalMajorVersion, journalMinorVersion } from "./journal-layout.ts";
import { journalRecord, markCount, noRecord, RecordKind } from "./journal-layout.ts";
import { byteOrderMark, record } from "./layout.ts";
import { memoryFence } from "./memory-fence.ts";
import { codeOfService, type ServiceName } from "./service-name.ts";

/** The ring is reserved in steps, so that not every record costs a fence. */
const reserveBytes = 4096;
const highWord = 0x1_0000_0000;
const recordBytes = journalRecord.bytes;

/** The largest ring that fits into memory of this size; 0 when it is too small for one. */
export function ringBytesIn(memoryBytes: number): number {
  const unit = 64 * markCount;
  return Math.max(0, Math.floor((memoryBytes - journalHeader.bytes) / unit) * unit);
}

export class JournalWriter {
  readonly #words: Uint32Array;
  readonly #positions: BigUint64Array;
  readonly #bytes: Uint8Array;
  readonly #ringBytes: number;
  readonly #stretchBytes: number;
  /** Position of the next record, the end of what is reserved, and the number of the next record. */
  #next = 0;
  #reserved = 0;
  /** Where the next record begins in the ring: the remainder of so large a number would cost more than all the rest. */
  #nextInRing = 0;
  /** `position`. */
  #written = 0;
  #sequence = 0;
  #stretch = -1;
  #last = 0;
  /** Of the publication whose changes come: group, generation, both words of its time. */
  #group = 0;
  #generation = 0;
  #publishedLow = 0;
  #publishedHigh = 0;

  /** `memory` is all zero and becomes an empty journal that begins at `firstPosition`, rounded up; `startedNs` is that of the images beside it. */
  constructor(memory: ArrayBufferLike, service: ServiceName, startedNs: bigint, firstPosition = 0) {
    this.#words = new Uint32Array(memory);
    this.#positions = new BigUint64Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.#ringBytes = ringBytesIn(memory.byteLength);
    this.#stretchBytes = this.#ringBytes / markCount;
    this.#create(service, startedNs, alignUp(firstPosition, this.#ringBytes));
  }

  /** Behind the last record that readers can find. */
  get position(): bigint {
    return this.#positions[journalHeader.written / 8] ?? 0n;
  }

  /** The changes that follow belong to a publication of this group, in an image of this generation. */
  begin(group: number, generation: number, publishedLow: number, publishedHigh: number): void {
    this.#group = group;
    this.#generation = generation;
    this.#publishedLow = publishedLow;
    this.#publishedHigh = publishedHigh;
  }

  /**
   * One change, as it stands in a bank: `at` is the index in `source` of its record, `room` the byte offset of its long value, of
   * which `roomBytes` count.
   */
  append(point: number, source: Uint32Array, at: number, room: number, roomBytes: number): void {
    const lengthBytes = alignUp(recordBytes + roomBytes, 8);
    const target = this.#place(lengthBytes) / 4;
    const words = this.#words;
    const kind = (source[at + record.type / 4] ?? 0) & 0xffff;
    words[target] = lengthBytes;
    words[target + journalRecord.kind / 4] = RecordKind.change | (kind << 8);
    words[target + journalRecord.sequence / 4] = this.#sequence;
    words[target + journalRecord.sequence / 4 + 1] = Math.floor(this.#sequence / highWord);
    words[target + journalRecord.point / 4] = point;
    words[target + journalRecord.group / 4] = this.#group;
    words[target + journalRecord.generation / 4] = this.#generation;
    words[target + journalRecord.status / 4] = source[at + record.status / 4] ?? 0;
    this.#copyPair(target + journalRecord.sourceNs / 4, source, at + record.sourceNs / 4);
    this.#copyPair(target + journalRecord.receivedNs / 4, source, at + record.receivedNs / 4);
    words[target + journalRecord.publishedNs / 4] = this.#publishedLow;
    words[target + journalRecord.publishedNs / 4 + 1] = this.#publishedHigh;
    this.#copyPair(target + journalRecord.value / 4, source, at + record.value / 4);
    if (roomBytes > 0) {
      const end = target * 4 + recordBytes + roomBytes;
      this.#bytes.set(new Uint8Array(source.buffer, room, roomBytes), target * 4 + recordBytes);
      this.#bytes.fill(0, end, target * 4 + lengthBytes);
    }
    this.#sequence++;
  }

  /** What was appended is there for readers from now on. Returns the position behind it. */
  commit(): bigint {
    const position = BigInt(this.#next);
    if (this.position !== position) {
      // In this order: of a writer that dies in between, the last record is one that readers may read, though not the very last.
      Atomics.store(this.#positions, journalHeader.written / 8, position);
      Atomics.store(this.#positions, journalHeader.lastRecord / 8, BigInt(this.#last));
      this.#written = this.#next;
    }
    return position;
  }

  /** Byte offset in the memory for a record of that length, reserved and marked. */
  #place(lengthBytes: number): number {
    // More than the ring holds goes out in parts: the last record that readers know of must not be overwritten before there is another.
    if (this.#next + lengthBytes - this.#written > this.#ringBytes / 2) this.commit();
    const rest = this.#ringBytes - this.#nextInRing;
    if (rest < lengthBytes) {
      this.#reserve(rest);
      const at = (journalHeader.bytes + this.#nextInRing) / 4;
      this.#words[at] = rest;
      this.#words[at + 1] = RecordKind.padding;
      this.#next += rest;
      this.#nextInRing = 0;
    }
    this.#reserve(lengthBytes);
    const stretch = Math.floor(this.#next / this.#stretchBytes);
    if (stretch !== this.#stretch) {
      this.#stretch = stretch;
      this.#positions[journalHeader.marks / 8 + (stretch % markCount)] = BigInt(this.#next);
    }
    const at = journalHeader.bytes + this.#nextInRing;
    this.#last = this.#next;
    this.#next += lengthBytes;
    this.#nextInRing += lengthBytes;
    if (this.#nextInRing === this.#ringBytes) this.#nextInRing = 0;
    return at;
  }

  /** Before the first byte of it is touched every reader can see that it is going to be. */
  #reserve(lengthBytes: number): void {
    if (this.#next + lengthBytes <= this.#reserved) return;
    this.#reserved = this.#next + Math.max(lengthBytes, Math.min(reserveBytes, this.#ringBytes / 16));
    Atomics.store(this.#positions, journalHeader.reserved / 8, BigInt(this.#reserved));
    memoryFence();
  }

  #copyPair(target: number, source: Uint32Array, at: number): void {
    this.#words[target] = source[at] ?? 0;
    this.#words[target + 1] = source[at + 1] ?? 0;
  }

  /** The magic goes last: a reader that sees it sees everything else. */
  #create(service: ServiceName, startedNs: bigint, firstPosition: number): void {
    this.#next = firstPosition;
    this.#reserved = firstPosition;
    this.#written = firstPosition;
    const words = this.#words;
    words[journalHeader.version / 4] = (journalMajorVersion << 16) | journalMinorVersion;
    words[journalHeader.byteOrder / 4] = byteOrderMark;
    words[journalHeader.headerBytes / 4] = journalHeader.bytes;
    words[journalHeader.service / 4] = codeOfService(service);
    this.#positions[journalHeader.ringBytes / 8] = BigInt(this.#ringBytes);
    this.#positions[journalHeader.startedNs / 8] = startedNs;
    this.#positions[journalHeader.lastRecord / 8] = noRecord;
    for (const field of ["firstPosition", "written", "reserved"] as const)
      this.#positions[journalHeader[field] / 8] = BigInt(firstPosition);
    Atomics.store(words, journalHeader.magic / 4 + 1, journalMagicWords[1]);
    Atomics.store(words, journalHeader.magic / 4, journalMagicWords[0]);
  }
}
