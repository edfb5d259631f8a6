// The reading side of a journal: every change since a position, in order, or how many of them were lost. It only ever reads its memory.

import { ImageError } from "./read-directory.ts";
import { journalHeader, journalMagicWords, journalMajorVersion, journalRecord } from "./journal-layout.ts";
import { markCount, noRecord, RecordKind } from "./journal-layout.ts";
import { byteOrderMark } from "./layout.ts";
import { readValue } from "./long-value.ts";
import { memoryFence } from "./memory-fence.ts";
import { serviceOfCode, type ServiceName } from "./service-name.ts";
import type { BuiltInType } from "./values/built-in-type.ts";
import type { Value } from "./values/value.ts";

/** One change of one point. */
export interface Change extends Value {
  /** Where its record begins; compare with the journal position of a publication. */
  readonly position: bigint;
  readonly sequence: bigint;
  /** Numbers in the tables of the image of that generation. */
  readonly point: number;
  readonly group: number;
  readonly generation: number;
  readonly status: number;
  /** 0n: the server gave none. */
  readonly sourceNs: bigint;
  readonly receivedNs: bigint;
  /** When the publication came that shows the change: also of a status that no answer of the server brought. */
  readonly publishedNs: bigint;
}

/** A place in the journal. */
export interface Cursor {
  readonly position: bigint;
  /** Number of the next record. */
  readonly sequence: bigint;
}

const passedOverPerChange = 16;

export interface Changes {
  readonly changes: readonly Change[];
  /** Records that were overwritten before they could be read; they came before `changes`. */
  readonly lost: bigint;
  /** Where the next call goes on. */
  readonly cursor: Cursor;
  /** Nothing lies behind `cursor` yet. */
  readonly isEnd: boolean;
}

/** Which changes a reader wants: number of the point, and generation of the image in which it is its number. */
export type Wanted = (point: number, generation: number) => boolean;

/** A record's own copy is looked at, never the ring. */
interface Copied {
  readonly view: DataView;
  readonly bytes: Buffer;
}

export class JournalReader {
  readonly #memory: ArrayBufferLike;
  readonly #words: Uint32Array;
  readonly #positions: BigUint64Array;
  readonly #headerBytes: number;
  readonly #ringBytes: bigint;
  readonly service: ServiceName;

  /** Throws an ImageError when the memory holds no journal, or not the whole of one, or one of another major version. */
  constructor(memory: ArrayBufferLike) {
    demand(memory.byteLength >= journalHeader.bytes, `${memory.byteLength} bytes cannot hold one`);
    const words = new Uint32Array(memory, 0, journalHeader.bytes / 4);
    const magic = [0, 1].map((index) => Atomics.load(words, journalHeader.magic / 4 + index));
    demand(magic[0] === journalMagicWords[0] && magic[1] === journalMagicWords[1], "its magic is not there (yet)");
    demand(words[journalHeader.byteOrder / 4] === byteOrderMark, "it has another byte order");
    const version = words[journalHeader.version / 4] ?? 0;
    demand(
      version >>> 16 === journalMajorVersion,
      `it has version ${version >>> 16}.${version & 0xffff} and this reader knows ${journalMajorVersion}`,
    );
    this.#memory = memory;
    this.#words = new Uint32Array(memory, 0, Math.floor(memory.byteLength / 4));
    this.#positions = new BigUint64Array(memory, 0, journalHeader.bytes / 8);
    this.#headerBytes = words[journalHeader.headerBytes / 4] ?? 0;
    this.#ringBytes = this.#load(journalHeader.ringBytes);
    const isWhole = BigInt(this.#headerBytes) + this.#ringBytes <= BigInt(memory.byteLength);
    demand(isWhole && this.#headerBytes >= journalHeader.bytes && this.#headerBytes % 8 === 0, "it is cut short");
    demand(this.#ringBytes > 0n && this.#ringBytes % BigInt(64 * markCount) === 0n, "its ring has an odd size");
    this.service = serviceOfCode(words[journalHeader.service / 4] ?? 0);
  }

  /** That of the images of the same run of the writer: its numbers of points mean nothing in others. */
  get startedNs(): bigint {
    return this.#load(journalHeader.startedNs);
  }

  /** Behind the last change there is. */
  end(): Cursor {
    for (;;) {
      const last = this.#load(journalHeader.lastRecord);
      if (last === noRecord) return { position: this.#load(journalHeader.firstPosition), sequence: 0n };
      const copied = this.#copy(last);
      if (copied !== undefined) return behind(copied, last);
      // The writer has gone once around the ring meanwhile; if it has not, what stands there was never a record.
      if (this.#load(journalHeader.lastRecord) === last)
        throw new ImageError("cannot read a journal because its last record is none");
    }
  }

  /** How much of the ring lies between the cursor and the writer: what is not read yet. From 1 on changes are lost. */
  unreadShare({ position }: Cursor): number {
    return Number(this.#load(journalHeader.written) - position) / Number(this.#ringBytes);
  }

  /** At the oldest change that is still there. */
  oldest(): Cursor {
    const first = this.#load(journalHeader.firstPosition);
    // What comes while this looks on is the oldest then, and not to be passed over.
    if (this.#load(journalHeader.written) === first) return { position: first, sequence: 0n };
    const position = this.#oldestPosition();
    const copied = position === undefined ? undefined : this.#copy(position);
    if (position === undefined || copied === undefined) return this.end();
    return { position, sequence: copied.view.getBigUint64(journalRecord.sequence, true) };
  }

  /** At the first change behind a journal position of a snapshot; undefined when it has been overwritten or is another journal's. */
  at(position: bigint): Cursor | undefined {
    for (let here = position; ;) {
      if (here >= this.#load(journalHeader.written)) {
        const end = this.end();
        if (end.position <= here) return end.position === here ? end : undefined;
      }
      const copied = this.#copy(here);
      if (copied === undefined) return undefined;
      if (copied.bytes[journalRecord.kind] === RecordKind.change)
        return { position: here, sequence: copied.view.getBigUint64(journalRecord.sequence, true) };
      here += BigInt(copied.view.getUint32(journalRecord.lengthBytes, true));
    }
  }

  /**
   * What has changed since the cursor, in order, `most` changes at a time. Changes that are not wanted are passed over, which is cheap, but not more
   * than 16 for each of `most`: where there are many, a call without a change need not have come to the end.
   */
  since(cursor: Cursor, most = 10_000, wanted?: Wanted): Changes {
    const changes: Change[] = [];
    let { position, sequence } = cursor;
    let lost = 0n;
    // Behind a gap the number of the next record tells how many were lost, wanted or not.
    let isBehindGap = false;
    let passedOver = 0;
    let isEnd = false;
    while (changes.length < most && passedOver < passedOverPerChange * most) {
      isEnd = position >= this.#load(journalHeader.written);
      if (isEnd) break;
      const unwantedBytes = wanted === undefined || isBehindGap ? 0 : this.#unwanted(position, wanted);
      if (unwantedBytes > 0) {
        position += BigInt(unwantedBytes);
        sequence++;
        passedOver++;
        continue;
      }
      const copied = this.#copy(position);
      if (copied === undefined) {
        // Overrun. What was read so far is whole; what was lost comes before the rest, so it is told with the next call.
        if (changes.length > 0) break;
        const oldest = this.#oldestPosition();
        if (oldest === undefined || oldest <= position) {
          const end = this.end();
          return { changes, lost: lost + end.sequence - sequence, cursor: end, isEnd: true };
        }
        position = oldest;
        isBehindGap = true;
        continue;
      }
      const lengthBytes = BigInt(copied.view.getUint32(journalRecord.lengthBytes, true));
      if (copied.bytes[journalRecord.kind] === RecordKind.change) {
        const change = changeOf(copied, position);
        lost += change.sequence - sequence;
        sequence = change.sequence + 1n;
        isBehindGap = false;
        if (wanted?.(change.point, change.generation) !== false) changes.push(change);
      }
      position += lengthBytes;
    }
    return { changes, lost, cursor: { position, sequence }, isEnd };
  }

  /** Length of a whole change that is not wanted; 0 for everything else. */
  #unwanted(position: bigint, wanted: Wanted): number {
    const inRing = Number(position % this.#ringBytes);
    const at = (this.#headerBytes + inRing) / 4;
    const word = (field: number): number => this.#words[at + field / 4] ?? 0;
    const lengthBytes = word(journalRecord.lengthBytes);
    const isChange = (word(journalRecord.kind) & 0xff) === RecordKind.change;
    const isPossible = lengthBytes >= journalRecord.bytes && lengthBytes % 8 === 0;
    if (!isChange || !isPossible || lengthBytes > Number(this.#ringBytes) - inRing) return 0;
    if (wanted(word(journalRecord.point), word(journalRecord.generation))) return 0;
    memoryFence();
    const behindBytes = this.#load(journalHeader.reserved) - position;
    return behindBytes > this.#ringBytes || behindBytes < lengthBytes ? 0 : lengthBytes;
  }

  /** A whole record, copied; undefined when the writer may have been there meanwhile, or what stands there is no record. */
  #copy(position: bigint): Copied | undefined {
    if (position % 8n !== 0n) return undefined;
    const inRing = Number(position % this.#ringBytes);
    const room = Number(this.#ringBytes) - inRing;
    const start = this.#headerBytes + inRing;
    const lengthBytes = new DataView(this.#memory, start, 8).getUint32(0, true);
    const isPossible = lengthBytes >= 8 && lengthBytes % 8 === 0 && lengthBytes <= room;
    const bytes = isPossible ? Buffer.from(new Uint8Array(this.#memory, start, lengthBytes)) : undefined;
    memoryFence();
    const behindBytes = this.#load(journalHeader.reserved) - position;
    if (behindBytes > this.#ringBytes || behindBytes < lengthBytes || bytes === undefined) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isChange = bytes[journalRecord.kind] === RecordKind.change;
    return isChange && lengthBytes < journalRecord.bytes ? undefined : { view, bytes };
  }

  #oldestPosition(): bigint | undefined {
    const written = this.#load(journalHeader.written);
    const whole = this.#load(journalHeader.reserved) - this.#ringBytes;
    const first = this.#load(journalHeader.firstPosition);
    const stretchBytes = this.#ringBytes / BigInt(markCount);
    let oldest: bigint | undefined;
    for (let index = 0; index < markCount; index++) {
      const mark = this.#load(journalHeader.marks + 8 * index);
      const isThere = mark >= first && mark >= whole && mark < written;
      if (!isThere || (mark / stretchBytes) % BigInt(markCount) !== BigInt(index)) continue;
      if (oldest === undefined || mark < oldest) oldest = mark;
    }
    return oldest;
  }

  #load(offset: number): bigint {
    return Atomics.load(this.#positions, offset / 8);
  }
}

function behind({ view }: Copied, position: bigint): Cursor {
  return {
    position: position + BigInt(view.getUint32(journalRecord.lengthBytes, true)),
    sequence: view.getBigUint64(journalRecord.sequence, true) + 1n,
  };
}

function changeOf({ view, bytes }: Copied, position: bigint): Change {
  const type = (bytes[journalRecord.type] ?? 0) as BuiltInType;
  const shape = bytes[journalRecord.shape] ?? 0;
  const long = bytes.subarray(journalRecord.bytes);
  return {
    ...readValue(bytes, journalRecord.value, long, type, shape),
    position,
    sequence: view.getBigUint64(journalRecord.sequence, true),
    point: view.getUint32(journalRecord.point, true),
    group: view.getUint32(journalRecord.group, true),
    generation: view.getUint32(journalRecord.generation, true),
    status: view.getUint32(journalRecord.status, true),
    sourceNs: view.getBigInt64(journalRecord.sourceNs, true),
    receivedNs: view.getBigInt64(journalRecord.receivedNs, true),
    publishedNs: view.getBigInt64(journalRecord.publishedNs, true),
  };
}

function demand(holds: boolean, why: string): void {
  if (!holds) throw new ImageError(`cannot read a journal because ${why}`);
}
