// The main thread's half of a service's journal: the object, its size, and what was there before.
//
// Every start of a worker begins a new journal, because the numbers of points mean something only together with the images of that worker.
// The one before keeps a name of its own: it is the flight recorder of what happened before a crash. A journal that cannot be had stops no
// acquisition; it is tried again after a while.

import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import type { Log } from "@cpc-partition/process/log";
import { JournalReader } from "@cpc-partition/image/journal-reader";
import { UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { stateOfPath } from "@cpc-partition/image/posix/file-state";
import { segmentPath } from "@cpc-partition/image/posix/object-name";
import { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";
import { quietly, replaceForeign } from "@cpc-partition/image/posix/single-writer";
import { ImageError } from "@cpc-partition/image/read-directory";
import { nameBefore } from "@cpc-partition/image/kept-names";

/** Owner reads and writes, group reads, as of the image. */
const journalMode = 0o640;
/** A full /dev/shm is filled for a moment with each attempt: not something to do with every look at the objects. */
const againMs = 10_000;

export interface JournalMemory {
  readonly name: string;
  readonly descriptor: number;
  readonly sizeBytes: number;
}

export class JournalOwner {
  readonly name: string;
  readonly #sizeBytes: number;
  readonly #log: Log;
  readonly #clock: () => number;
  #object: SharedMemoryObject | undefined;
  /** The worker that wrote it has ended. */
  #isOver = false;
  /** The worker has yet to map it, so its descriptor must stay. */
  #isOffered = false;
  #loggedReason: string | undefined;
  #notBeforeMs = -Infinity;

  /** Makes nothing yet. `sizeBytes` 0: there is to be no journal. */
  constructor(name: string, sizeBytes: number, log: Log, clock = () => performance.now()) {
    this.name = name;
    this.#sizeBytes = sizeBytes;
    this.#log = log;
    this.#clock = clock;
  }

  /** A journal is written at present. */
  get isThere(): boolean {
    return this.#object !== undefined && !this.#isOver;
  }

  /**
   * Before the first journal of a worker: keeps the one under the name as that of the run before, unless it has no change. Which run the kept one
   * is of, also when it was kept before; undefined when there is none.
   */
  keepBefore(): bigint | undefined {
    if (this.isThere) return undefined;
    try {
      this.close();
      this.#replaceForeign();
      using left = SharedMemoryObject.adopt(this.name, journalMode);
      if (left !== undefined) {
        if (summaryOf(left)?.hasChanges === true) left.rename(nameBefore(this.name));
        else left.unlink();
      }
      using kept = SharedMemoryObject.openExisting(nameBefore(this.name), "read-only");
      return kept === undefined ? undefined : summaryOf(kept)?.startedNs;
    } catch (error) {
      this.#tell(error);
    }
    return undefined;
  }

  /**
   * Memory for the worker's journal, all zero; undefined when it has one that still has its name, and when there can be none now. So many bytes
   * have to be left: images come first, the next one, too, which is made while the present one is there.
   */
  supply(leaveBytes = 0): JournalMemory | undefined {
    if (this.#sizeBytes === 0 || this.#isOffered || this.#clock() < this.#notBeforeMs) return undefined;
    try {
      const isLost = this.isThere && this.#isLost();
      if (this.isThere && !isLost) {
        this.#loggedReason = undefined;
        return undefined;
      }
      const isNameless = isLost && this.#object?.isLinked() === false;
      const made = this.#make(leaveBytes);
      if (isNameless)
        this.#log("warn", "somebody removed the journal: a new one is made", {
          journal: this.name,
        });
      else if (this.#loggedReason !== undefined) this.#log("info", "there is a journal again", { journal: this.name });
      const before = this.#object;
      this.#object = made;
      this.#isOffered = true;
      this.#loggedReason = undefined;
      quietly(() => before?.close());
      return { name: this.name, descriptor: made.descriptor, sizeBytes: this.#sizeBytes };
    } catch (error) {
      this.#tell(error);
      this.#notBeforeMs = this.#clock() + againMs;
      return undefined;
    }
  }

  /** An image has no room: the journal of the run before gives its own. False when there is none. */
  giveWay(): boolean {
    const before = nameBefore(this.name);
    if (stateOfPath(segmentPath(before), before) === undefined) return false;
    SharedMemoryObject.remove(before);
    this.#log("warn", "the journal of the run before was removed: a process image needs its room", { journal: before });
    return true;
  }

  /** The worker has mapped what it was given, or could not: then nobody writes it, and another is made after a while. */
  taken(isMapped: boolean): void {
    this.#isOffered = false;
    if (isMapped) return;
    const object = this.#object;
    this.#object = undefined;
    this.#notBeforeMs = this.#clock() + againMs;
    quietly(() => object?.isLinked() === true && object.unlink());
    quietly(() => object?.close());
  }

  /** Removes what this run and the one before wrote, also where this run never began a journal. */
  remove(): void {
    if (this.#object === undefined) SharedMemoryObject.remove(this.name);
    else if (this.#object.isLinked()) this.#object.unlink();
    SharedMemoryObject.remove(nameBefore(this.name));
  }

  /** The worker has ended. */
  abandon(): void {
    this.#isOver = true;
    this.#isOffered = false;
    this.#notBeforeMs = -Infinity;
  }

  /** What was written stays. */
  close(): void {
    const object = this.#object;
    this.#object = undefined;
    this.#isOver = false;
    object?.close();
  }

  /** Somebody removed its name, or gave it a second one. What else may have taken the name is left alone. */
  #isLost(): boolean {
    const journal = this.#object;
    if (stateOfPath(segmentPath(this.name), this.name) === undefined) return true;
    return journal?.isLinked() === true && journal.hasOtherNames();
  }

  /** Whether there is another writer the image's lock has decided. */
  #replaceForeign(): void {
    replaceForeign(this.name, "wanted", (reason) =>
      this.#log("warn", `${reason}: removed, a new object takes its name`, { journal: this.name }),
    );
  }

  #make(leaveBytes: number): SharedMemoryObject {
    if (this.#object?.hasOtherNames() === true) this.#replaceForeign();
    this.#leaveRoom(leaveBytes);
    const object = SharedMemoryObject.createExclusive(this.name, journalMode);
    if (object === undefined)
      throw new UnsuitableObjectError("create journal", this.name, "there is an object of this name already");
    try {
      // Says to `cpc clean` that a process writes it. Whether there is another writer the image's lock has decided.
      object.tryLock();
      object.reserve(this.#sizeBytes);
      return object;
    } catch (error) {
      quietly(() => object.unlink());
      quietly(() => object.close());
      throw error;
    }
  }

  /** Without any room the system says so itself. */
  #leaveRoom(leaveBytes: number): void {
    const leftBytes = freeBytes() - this.#sizeBytes;
    if (leftBytes < 0 || leftBytes >= leaveBytes) return;
    throw new UnsuitableObjectError(
      `reserve ${this.#sizeBytes} bytes for`,
      this.name,
      `/dev/shm would have ${leftBytes} bytes left, and the next process image may need ${leaveBytes}`,
    );
  }

  #tell(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (reason === this.#loggedReason) return;
    this.#loggedReason = reason;
    const consequence =
      "values are read and published without a journal; make room in /dev/shm, or give --journal-size a smaller number";
    this.#log("warn", this.isThere ? reason : `${reason}; ${consequence}`, { journal: this.name });
  }
}

/** Of shared memory; a file system without a limit of its own says 0 blocks. */
function freeBytes(): number {
  const { blocks, bavail, bsize } = statfsSync(dirname(segmentPath("journal")));
  return blocks === 0 ? Infinity : bavail * bsize;
}

/** What a killed run left may be anything. */
function summaryOf(
  object: SharedMemoryObject,
): { readonly startedNs: bigint; readonly hasChanges: boolean } | undefined {
  if (object.sizeBytes() === 0) return undefined;
  using mapping = object.map("read-only");
  try {
    const reader = new JournalReader(mapping.buffer);
    return { startedNs: reader.startedNs, hasChanges: reader.end().sequence > 0n };
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}
