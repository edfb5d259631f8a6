// Becoming the one writer of a shared memory object: create it, or take over what a killed run left.
//
// The lock comes first and decides between writers that start at the same moment. It hangs on the open file, so the kernel
// drops it when its owner dies; process ids would mean nothing across containers. A consumer that has the object
// mapped keeps its mapping: a stale object keeps its inode and never shrinks. What has the name and is not ours (a link, a file with a second name,
// another user's file) loses the name to a new object. A directory is not touched.

import { PosixError, UnsuitableObjectError } from "./errno.ts";
import { makeWay, stateOfPath } from "./file-state.ts";
import { segmentPath } from "./object-name.ts";
import { SharedMemoryObject } from "./shared-memory-object.ts";

/** Somebody else writes to the object of that name and is alive. */
export class AnotherWriterError extends Error {
  override readonly name = "AnotherWriterError";
  readonly code = "AnotherWriter";
  readonly object: string;

  constructor(object: string) {
    super(
      `cannot write to shared memory ${object} because another process does; stop it, or start this one with --prefix NAME`,
    );
    this.object = object;
  }
}

export interface SingleWriter {
  /** Locked, of at least the size asked for, every byte of that backed by memory. */
  readonly object: SharedMemoryObject;
  readonly origin: "Created" | "TakenOver";
}

/** Another program that removes and creates the name all the time; each round costs microseconds. */
const attempts = 100;

/**
 * "required": without the lock there is another writer. "wanted": another lock says that already, and this one may be in the hands
 * of somebody who only wants to be in the way: whoever may write to an object can lock it.
 */
export type LockNeed = "required" | "wanted";

/** Told why something lost its name to a new object of ours. */
export type Replaced = (reason: string) => void;

/** Throws AnotherWriterError, UnsuitableObjectError or PosixError, and leaves nothing behind that was not there before. */
export function becomeSingleWriter(
  name: string,
  sizeBytes: number,
  mode: number,
  lock: LockNeed = "required",
  replaced: Replaced = () => {},
): SingleWriter {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const writer = createOrAdopt(name, mode, lock, replaced);
    if (writer === undefined) continue;
    try {
      if (!writer.object.tryLock() && lock === "required") throw new AnotherWriterError(name);
      // Between opening and locking somebody may have removed the name: then this is an orphan, and the lock on it means nothing.
      if (writer.object.isLinked()) {
        writer.object.reserve(sizeBytes);
        return writer;
      }
    } catch (error) {
      // Not even an object of our making is ours when another has the lock.
      if (error instanceof AnotherWriterError) closeQuietly(writer.object);
      else giveUp(writer);
      throw error;
    }
    closeQuietly(writer.object);
  }
  throw new UnsuitableObjectError("create shared memory", name, "another program keeps creating and removing it");
}

/** Undoes `becomeSingleWriter` on the way out of a failure: removes what it created, leaves what it took over. */
export function giveUp(writer: SingleWriter): void {
  if (writer.origin === "Created") quietly(() => writer.object.isLinked() && writer.object.unlink());
  closeQuietly(writer.object);
}

/**
 * Removes what a run that is gone left; false when there was nothing. Throws AnotherWriterError while a writer is alive.
 */
export function removeAbandoned(name: string): boolean {
  const object = SharedMemoryObject.openExisting(name, "read-write");
  if (object === undefined) return false;
  try {
    if (!object.tryLock()) throw new AnotherWriterError(name);
    return object.isLinked() && object.unlink();
  } finally {
    closeQuietly(object);
  }
}

function createOrAdopt(name: string, mode: number, lock: LockNeed, replaced: Replaced): SingleWriter | undefined {
  const created = SharedMemoryObject.createExclusive(name, mode);
  if (created !== undefined) return { object: created, origin: "Created" };
  if (replaceForeign(name, lock, replaced)) return undefined;
  const adopted = SharedMemoryObject.adopt(name, mode);
  return adopted === undefined ? undefined : { object: adopted, origin: "TakenOver" };
}

/**
 * Removes the name of what is not ours; false when it was ours, or would not go. Throws an AnotherWriterError when a writer lives there:
 * whether it does is asked only where the lock says so.
 */
export function replaceForeign(name: string, lock: LockNeed, replaced: Replaced): boolean {
  const path = segmentPath(name);
  const reason = makeWay(stateOfPath(path, name), path, () => {
    if (lock === "required" && hasWriter(name)) throw new AnotherWriterError(name);
    SharedMemoryObject.remove(name);
  });
  if (reason !== undefined) replaced(reason);
  return reason !== undefined;
}

/** A living process holds the object's lock. */
export function hasWriter(name: string): boolean {
  try {
    using object = SharedMemoryObject.openExisting(name, "read-only");
    return object?.isLocked() === true;
  } catch (error) {
    // What cannot be opened, or is no file at all, is nobody's object.
    if (error instanceof PosixError || error instanceof UnsuitableObjectError) return false;
    throw error;
  }
}

function closeQuietly(object: SharedMemoryObject): void {
  quietly(() => object.close());
}

/** For the way out of a failure, which is the one to report. */
export function quietly(tidyUp: () => void): void {
  try {
    tidyUp();
  } catch (error) {
    if (!(error instanceof PosixError)) throw error;
  }
}
