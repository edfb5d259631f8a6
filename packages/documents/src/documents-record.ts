// The record of a service's documents, as its writer keeps it: figures for `cpc status`, and the memory of who brought a writer down.
//
// A member of the consumers' group can end the writer at any time: it cuts the file of a semaphore while the writer uses it. So each use is
// noted before it begins. A writer that finds the note of a dead one charges the death to that consumer, and after several deaths in
// a short time writes that consumer's document without its guard. An orderly end forgets all charges.

import { AnotherWriterError, becomeSingleWriter, hasWriter, quietly } from "@cpc-partition/image/posix/single-writer";
import type { Replaced } from "@cpc-partition/image/posix/single-writer";
import type { Mapping } from "@cpc-partition/image/posix/mapping";
import type { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";
import { wallClockNs } from "@cpc-partition/image/posix/wall-clock";
import { documentFigures, type DocumentFigure, type DocumentFigures } from "./document-figures.ts";
import { consumer, figureOffset, header, magicWords, nameBytes, RecordState } from "./record-layout.ts";

/** Owner reads and writes, group reads. */
const recordMode = 0o640;
/** So many deaths, each within this time of the one before, and the guard is not used any more. */
const mostDeaths = 3;
const forgetNs = 600_000_000_000n;

/** What is held against a consumer. */
interface Charge {
  readonly deaths: number;
  readonly lastDeathNs: bigint;
}

export class DocumentsRecord implements DocumentFigures, Disposable {
  readonly name: string;
  /** Semaphores that ended several writers: they are not used any more. */
  readonly unguarded: ReadonlySet<string>;
  /** The semaphore that the writer before this one was using when it died; undefined when it did not die so. */
  readonly suspect: string | undefined;
  /** The writer before this one did not end in order. */
  readonly hasDied: boolean;
  readonly #object: SharedMemoryObject;
  readonly #mapping: Mapping;
  readonly #view: DataView;
  readonly #words: Uint32Array;
  readonly #semaphores: readonly string[];

  /** Throws an AnotherWriterError while another process keeps this record, an UnsuitableObjectError or PosixError. */
  constructor(name: string, semaphores: readonly string[], replaced: Replaced = () => {}) {
    this.name = name;
    this.#semaphores = semaphores;
    const sizeBytes = header.bytes + semaphores.length * consumer.bytes;
    // Whoever may read the record can take a read lock, which must not keep us out; a write lock is another writer's.
    if (hasWriter(name)) throw new AnotherWriterError(name);
    const { object } = becomeSingleWriter(name, sizeBytes, recordMode, "wanted", replaced);
    this.#object = object;
    try {
      if (object.isLocked()) throw new AnotherWriterError(name);
      this.#mapping = object.map("read-write");
    } catch (error) {
      quietly(() => object.close());
      throw error;
    }
    this.#view = new DataView(this.#mapping.buffer);
    this.#words = new Uint32Array(this.#mapping.buffer, 0, header.bytes / 4);
    const { charges, suspect, hasDied } = this.#readPredecessor();
    this.suspect = suspect;
    this.hasDied = hasDied;
    this.unguarded = new Set(semaphores.filter((semaphore) => (charges.get(semaphore)?.deaths ?? 0) >= mostDeaths));
    this.#write(charges, hasDied);
  }

  count(figure: DocumentFigure, by = 1n): void {
    const at = figureOffset(documentFigures.indexOf(figure));
    this.#view.setBigUint64(at, this.#view.getBigUint64(at, true) + by, true);
  }

  set(figure: DocumentFigure, value: bigint): void {
    this.#view.setBigUint64(figureOffset(documentFigures.indexOf(figure)), value, true);
  }

  figure(figure: DocumentFigure): bigint {
    return this.#view.getBigUint64(figureOffset(documentFigures.indexOf(figure)), true);
  }

  /** Runs the step with a note that it uses the semaphore. */
  use<Result>(semaphore: string, step: () => Result): Result {
    Atomics.store(this.#words, header.usedSemaphore / 4, this.#semaphores.indexOf(semaphore) + 1);
    try {
      return step();
    } finally {
      Atomics.store(this.#words, header.usedSemaphore / 4, 0);
    }
  }

  beat(): void {
    this.#view.setBigInt64(header.heartbeatNs, wallClockNs(), true);
    // Somebody's read lock may have been in the way before.
    if (!this.#object.isLocked()) this.#object.tryLock();
  }

  /** Removes the name, if it still leads here. */
  remove(): void {
    if (this.#object.isLinked()) this.#object.unlink();
  }

  /** An orderly end: nothing is held against anybody. */
  end(): void {
    this.#view.setUint32(header.state, RecordState.ended, true);
  }

  close(): void {
    try {
      this.#mapping.unmap();
    } finally {
      this.#object.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What a writer before this one left: nothing of it counts after an orderly end. */
  #readPredecessor(): {
    readonly charges: ReadonlyMap<string, Charge>;
    readonly suspect: string | undefined;
    readonly hasDied: boolean;
  } {
    const view = this.#view;
    const charges = new Map<string, Charge>();
    const isRecord = magicWords.every((word, index) => view.getUint32(header.magic + 4 * index, true) === word);
    const hasDied = isRecord && view.getUint32(header.state, true) === RecordState.running;
    if (!hasDied) return { charges, suspect: undefined, hasDied };
    const nowNs = wallClockNs();
    const used = view.getUint32(header.usedSemaphore, true);
    const room = Math.floor((view.byteLength - header.bytes) / consumer.bytes);
    let suspect: string | undefined;
    for (let index = 0; index < Math.min(room, view.getUint32(header.consumers, true)); index++) {
      const at = header.bytes + index * consumer.bytes;
      const length = Math.min(nameBytes, view.getUint32(at + consumer.nameLength, true));
      const semaphore = Buffer.from(this.#mapping.buffer, at + consumer.name, length).toString("utf8");
      const deaths = view.getUint32(at + consumer.deaths, true);
      const lastDeathNs = view.getBigInt64(at + consumer.lastDeathNs, true);
      const isUnguarded = view.getUint32(at + consumer.isUnguarded, true) === 1;
      const isRecent = isUnguarded || nowNs - lastDeathNs < forgetNs;
      if (used === index + 1) {
        suspect = semaphore;
        charges.set(semaphore, { deaths: (isRecent ? deaths : 0) + 1, lastDeathNs: nowNs });
      } else if (isRecent) charges.set(semaphore, { deaths, lastDeathNs });
    }
    return { charges, suspect, hasDied };
  }

  #write(charges: ReadonlyMap<string, Charge>, hasDied: boolean): void {
    const view = this.#view;
    const figures = documentFigures.map((figure) => (hasDied ? this.figure(figure) : 0n));
    new Uint8Array(this.#mapping.buffer).fill(0);
    for (const [index, value] of figures.entries()) view.setBigUint64(figureOffset(index), value, true);
    if (hasDied) this.count("deaths");
    view.setUint32(header.state, RecordState.running, true);
    view.setUint32(header.pid, process.pid, true);
    view.setUint32(header.consumers, this.#semaphores.length, true);
    view.setBigInt64(header.startedNs, wallClockNs(), true);
    for (const [index, semaphore] of this.#semaphores.entries()) {
      const at = header.bytes + index * consumer.bytes;
      const { deaths = 0, lastDeathNs = 0n } = charges.get(semaphore) ?? {};
      view.setUint32(at + consumer.deaths, deaths, true);
      view.setBigInt64(at + consumer.lastDeathNs, lastDeathNs, true);
      view.setUint32(at + consumer.isUnguarded, Number(this.unguarded.has(semaphore)), true);
      const written = Buffer.from(this.#mapping.buffer, at + consumer.name, nameBytes).write(semaphore, "utf8");
      view.setUint32(at + consumer.nameLength, written, true);
    }
    view.setBigInt64(header.heartbeatNs, wallClockNs(), true);
    for (const [index, word] of magicWords.entries()) view.setUint32(header.magic + 4 * index, word, true);
  }
}
