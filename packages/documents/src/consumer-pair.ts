// The segment and the semaphore of one consumer, as the main thread owns them: created or taken over, looked after, removed.
//
// Any consumer may unlink or truncate either of them, on purpose or not (the resource tracker of a Python consumer unlinks
// the segment when that consumer ends, unless it was opened with `track=False`). `check`, called once per interval, puts things back; a writing thread
// notices nothing, because the descriptor keeps its number and the guard looks at its name with each take.
// One owner unlinks: nothing but `remove` here ever does.

import { NamedSemaphore } from "@cpc-partition/image/posix/named-semaphore";
import type { SemaphoreWithOrigin } from "@cpc-partition/image/posix/named-semaphore";
import { becomeSingleWriter, giveUp, quietly, removeAbandoned } from "@cpc-partition/image/posix/single-writer";
import type { LockNeed, SingleWriter } from "@cpc-partition/image/posix/single-writer";
import { segmentPath } from "@cpc-partition/image/posix/object-name";
import type { SharedMemoryObject } from "@cpc-partition/image/posix/shared-memory-object";
import type { ConsumerPairNames } from "./consumer-names.ts";
import { DocumentSegment } from "./document-segment.ts";
import { Guard, guardTiming, plainUse, type SemaphoreUse } from "./guard.ts";

/** Owner and group read and write: a consumer needs write permission for both, even to read. */
export const consumerMode = 0o660;

/** What is done about semaphores whose consumers may bring the process down. */
export interface SemaphoreCare {
  readonly use: SemaphoreUse;
  /** Semaphores that are left alone: their segments are written without a guard. */
  readonly unguarded: ReadonlySet<string>;
  /** A process before this one died, perhaps while it held some of them. */
  readonly hasDied: boolean;
  /** Told why something that was not ours lost its name to a new object. */
  readonly replaced?: (reason: string) => void;
}
const noCare: SemaphoreCare = { use: plainUse, unguarded: new Set(), hasDied: false };

/** What the writing thread needs; survives structured cloning. */
export interface ConsumerPairHandle extends ConsumerPairNames {
  readonly descriptor: number;
  readonly sizeBytes: number;
}

export type CheckOutcome = "Intact" | "Restored";

export class ConsumerPair implements Disposable {
  readonly names: ConsumerPairNames;
  readonly #lock: LockNeed;
  readonly #writer: SingleWriter;
  readonly #care: SemaphoreCare;
  /** Undefined for a semaphore that is left alone. */
  #guard: SemaphoreWithOrigin | undefined;
  #sizeBytes: number;

  private constructor(
    names: ConsumerPairNames,
    sizeBytes: number,
    lock: LockNeed,
    writer: SingleWriter,
    guard: SemaphoreWithOrigin | undefined,
    care: SemaphoreCare,
  ) {
    this.names = names;
    this.#sizeBytes = sizeBytes;
    this.#lock = lock;
    this.#writer = writer;
    this.#guard = guard;
    this.#care = care;
  }

  /**
   * Creates both, or takes over what a killed run left: consumers keep their mappings. A larger segment stays large, and what lies
   * past `sizeBytes` is kept NUL. With lock "wanted" the caller knows by other means that there is no other writer. Throws AnotherWriterError, UnsuitableObjectError or PosixError and leaves nothing new behind.
   */
  static create(
    names: ConsumerPairNames,
    sizeBytes: number,
    lock: LockNeed = "required",
    care: SemaphoreCare = noCare,
  ): ConsumerPair {
    const writer = becomeSingleWriter(names.segmentName, sizeBytes, consumerMode, lock, care.replaced);
    try {
      writer.object.clearFrom(sizeBytes);
      const guard = semaphoreOf(names, care);
      return new ConsumerPair(names, sizeBytes, lock, writer, guard, care);
    } catch (error) {
      giveUp(writer);
      throw error;
    }
  }

  /** All of them or none; throws like `create`. */
  static createAll(
    list: readonly ConsumerPairNames[],
    sizeBytes: number,
    lock: LockNeed = "required",
    care: SemaphoreCare = noCare,
  ): ConsumerPair[] {
    const pairs: ConsumerPair[] = [];
    try {
      for (const names of list) pairs.push(ConsumerPair.create(names, sizeBytes, lock, care));
      return pairs;
    } catch (error) {
      for (const pair of pairs) pair.giveUp();
      throw error;
    }
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Makes room for larger documents; never shrinks. A consumer sees the new bytes when it opens the segment again. */
  grow(sizeBytes: number): void {
    if (sizeBytes <= this.#sizeBytes) return;
    this.#writer.object.reserve(sizeBytes);
    this.#sizeBytes = sizeBytes;
  }

  /** For the thread that writes: `openConsumerPair` turns it into the two halves. */
  handle(): ConsumerPairHandle {
    return { ...this.names, descriptor: this.#writer.object.descriptor, sizeBytes: this.sizeBytes };
  }

  /**
   * Puts the segment back when its name is gone, leads elsewhere, is not its only one, or it was cut, the semaphore likewise or when its
   * content is garbage, and the mode of both. Throws as `create` does, after both were looked at; the next call tries again. Consumers that keep an orphaned segment
   * find `farewell` (by default nothing) in it from then on: a document that is not going to change must not look as if it did.
   */
  check(farewell: Uint8Array = new Uint8Array()): { readonly segment: CheckOutcome; readonly semaphore: CheckOutcome } {
    let segment: CheckOutcome;
    let semaphore: CheckOutcome = "Intact";
    try {
      segment = this.#checkSegment(farewell);
    } finally {
      semaphore = this.#checkSemaphore();
    }
    return { segment, semaphore };
  }

  /** Removes both names, if they still lead to ours; one also when the other cannot be. Consumers that have the objects open keep them. */
  remove(): void {
    try {
      if (this.#writer.object.isLinked()) this.#writer.object.unlink();
    } finally {
      if (this.#guard?.semaphore.isLinked() === true) this.#guard.semaphore.unlink();
    }
  }

  /** The objects stay for the next run. Harmless when done before. */
  close(): void {
    try {
      this.#guard?.semaphore.close();
    } finally {
      this.#writer.object.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Writes a document without the guard, for when there is no writing thread; one that does not fit leaves the segment empty. */
  overwrite(document: Uint8Array): void {
    this.#fill(this.#writer.object, document);
  }

  #fill(segment: SharedMemoryObject, document: Uint8Array): void {
    const content = new Uint8Array(this.sizeBytes);
    if (document.length <= content.length) content.set(document);
    segment.writeAt(content, 0);
  }

  #checkSegment(farewell: Uint8Array): CheckOutcome {
    const segment = this.#writer.object;
    const state = segment.stateByName();
    const isShared = state === undefined ? segment.hasOtherNames() : state.names > 1;
    if (state === undefined || isShared) {
      const { segmentName } = this.names;
      const { replaced } = this.#care;
      if (isShared) replaced?.(`somebody linked ${segmentPath(segmentName)} to another name`);
      if (state !== undefined) segment.unlink();
      const successor = becomeSingleWriter(segmentName, this.sizeBytes, consumerMode, this.#lock, replaced);
      let orphan: SharedMemoryObject;
      try {
        successor.object.clearFrom(this.sizeBytes);
        orphan = segment.replaceBy(successor.object);
      } catch (error) {
        giveUp(successor);
        throw error;
      }
      // Not before the writing thread has lost it. A courtesy to whoever keeps it: the segment is back all the same.
      quietly(() => this.#fill(orphan, farewell));
      quietly(() => orphan.close());
      return "Restored";
    }
    const { sizeBytes, mode } = state;
    if (sizeBytes > this.sizeBytes) segment.clearFrom(this.sizeBytes);
    if (sizeBytes >= this.sizeBytes && mode === consumerMode) return "Intact";
    segment.reserve(this.sizeBytes);
    segment.setMode(consumerMode);
    return "Restored";
  }

  #checkSemaphore(): CheckOutcome {
    const before = this.#guard?.semaphore;
    if (before === undefined) return "Intact";
    const state = before.stateByName();
    if (state?.names === 1 && this.#care.use(this.names.semaphoreName, () => before.isSound())) {
      if (state.mode === consumerMode) return "Intact";
      before.setMode(consumerMode);
      return "Restored";
    }
    this.#guard = semaphoreOf(this.names, this.#care);
    before.close();
    return "Restored";
  }

  /** Undoes `create`: what it made goes, what it took over stays, and both are closed. */
  giveUp(): void {
    const guard = this.#guard;
    quietly(() => guard?.origin === "Created" && guard.semaphore.unlink());
    quietly(() => guard?.semaphore.close());
    giveUp(this.#writer);
  }
}

function semaphoreOf({ semaphoreName }: ConsumerPairNames, care: SemaphoreCare): SemaphoreWithOrigin | undefined {
  if (care.unguarded.has(semaphoreName)) return undefined;
  return care.use(semaphoreName, () => NamedSemaphore.createOrAdopt(semaphoreName, consumerMode, care.replaced));
}

/** The two halves for the thread that writes, while the thread that made the handle keeps the pair open. */
export function openConsumerPair(
  handle: ConsumerPairHandle,
  use: SemaphoreUse = plainUse,
): {
  readonly segment: DocumentSegment;
  readonly guard: Guard;
} {
  return {
    segment: DocumentSegment.fromDescriptor(handle.descriptor, handle.segmentName, handle.sizeBytes),
    guard: new Guard(handle.semaphoreName, guardTiming, use),
  };
}

/** Removes what a run that is gone left; the names that were there. Throws AnotherWriterError while that run is alive. */
export function removeAbandonedPair(names: ConsumerPairNames): readonly string[] {
  const removed: string[] = [];
  if (removeAbandoned(names.segmentName)) removed.push(names.segmentName);
  if (NamedSemaphore.remove(names.semaphoreName)) removed.push(names.semaphoreName);
  return removed;
}
