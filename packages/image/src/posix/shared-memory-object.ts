// One POSIX shared memory object behind a descriptor.
//
// Each way to get one has a name: create-exclusive, adopt, open-existing, from-descriptor. What is expected (the name exists,
// is absent, the lock is taken) is a value; everything else is a PosixError or an UnsuitableObjectError.
// Not promised: that the name leads here later on. Ask `isLinked`.

import { constants } from "node:fs";
import type { BigIntStats } from "node:fs";
import { endianness } from "node:os";
import { errno, PosixError } from "./errno.ts";
import {
  isSameFile,
  namedState,
  requireOwnFile,
  requireRegularFile,
  stateOfDescriptor,
  stateOfPath,
  type NamedState,
} from "./file-state.ts";
import { F_OFD_GETLK, F_OFD_SETLK, F_WRLCK, wholeFileWriteLock } from "./file-lock-words.ts";
import { libc } from "./libc.ts";
import { Mapping } from "./mapping.ts";
import type { MappingAccess } from "./mapping.ts";
import { checkObjectName, segmentPath } from "./object-name.ts";

const O_CLOEXEC = 0o2000000;
const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;

export class SharedMemoryObject implements Disposable {
  /** Valid until `close`. */
  readonly descriptor: number;
  readonly #ownsDescriptor: boolean;
  #name: string;
  #isOpen = true;
  /** What `stateByName` compares with; the same until `replaceBy`. */
  #identity: BigIntStats | undefined;

  private constructor(name: string, descriptor: number, ownsDescriptor: boolean) {
    this.#name = name;
    this.descriptor = descriptor;
    this.#ownsDescriptor = ownsDescriptor;
  }

  get name(): string {
    return this.#name;
  }

  /** A new, empty object with exactly this mode, whatever the umask; undefined when the name is taken. */
  static createExclusive(name: string, mode: number): SharedMemoryObject | undefined {
    checkObjectName("shared memory", name);
    const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR;
    const descriptor = libc.shm_open(`/${name}`, flags, mode);
    if (descriptor === -errno.EEXIST) return undefined;
    if (descriptor < 0) throw new PosixError("create shared memory", name, "shm_open", descriptor);
    const created = new SharedMemoryObject(name, descriptor, true);
    try {
      created.setMode(mode);
    } catch (error) {
      libc.shm_unlink(`/${name}`);
      created.#abandon();
      throw error;
    }
    return created;
  }

  /**
   * The object that an earlier run left, with its content and size; undefined when there is none.
   * Only a regular file of this user is taken; its mode is set again.
   */
  static adopt(name: string, mode: number): SharedMemoryObject | undefined {
    const adopted = SharedMemoryObject.#open(name, constants.O_RDWR, "take over shared memory", requireOwnFile);
    if (adopted === undefined) return undefined;
    try {
      adopted.setMode(mode);
    } catch (error) {
      adopted.#abandon();
      throw error;
    }
    return adopted;
  }

  /** Whoever owns it; undefined when there is none. */
  static openExisting(name: string, access: MappingAccess): SharedMemoryObject | undefined {
    const flags = access === "read-write" ? constants.O_RDWR : constants.O_RDONLY;
    return SharedMemoryObject.#open(name, flags, "open shared memory", requireRegularFile);
  }

  /** For another thread of the process that opened it. `close` leaves the descriptor to its owner. */
  static fromDescriptor(descriptor: number, name: string): SharedMemoryObject {
    return new SharedMemoryObject(name, descriptor, false);
  }

  static #open(
    name: string,
    flags: number,
    action: string,
    requireSuitable: typeof requireRegularFile,
  ): SharedMemoryObject | undefined {
    checkObjectName("shared memory", name);
    // shm_open reports a directory as EINVAL and a foreign file as EACCES; looking first gives a message that helps.
    const path = segmentPath(name);
    const found = stateOfPath(path, name);
    if (found === undefined) return undefined;
    requireSuitable(found, action, name, path);
    // O_NONBLOCK: a pipe that takes the name at this moment must not hold us up.
    const descriptor = libc.shm_open(`/${name}`, flags | constants.O_NONBLOCK, 0);
    if (descriptor === -errno.ENOENT) return undefined;
    if (descriptor < 0) throw new PosixError(action, name, "shm_open", descriptor);
    const opened = new SharedMemoryObject(name, descriptor, true);
    try {
      requireSuitable(opened.#state(), action, name, path);
    } catch (error) {
      opened.#abandon();
      throw error;
    }
    return opened;
  }

  sizeBytes(): number {
    return Number(this.#state().size);
  }

  /** Makes the object at least this large, every byte backed by memory: later writes cannot fail for want of room. */
  reserve(sizeBytes: number): void {
    let result: number;
    do result = libc.posix_fallocate(this.descriptor, 0, sizeBytes);
    while (result === -errno.EINTR);
    if (result < 0)
      throw new PosixError(`reserve ${sizeBytes} bytes for shared memory`, this.name, "posix_fallocate", result);
  }

  /** Gives the bytes from `offset` to the end back to the system: they read as NUL, the size stays. */
  clearFrom(offset: number): void {
    const lengthBytes = this.sizeBytes() - offset;
    if (lengthBytes <= 0) return;
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const result = libc.fallocate(this.descriptor, mode, offset, lengthBytes);
    if (result < 0) throw new PosixError("clear the end of shared memory", this.name, "fallocate", result);
  }

  /** All of the bytes, however many calls it takes. No mapping is touched, so a truncated object is extended again instead of SIGBUS. */
  writeAt(bytes: Uint8Array, offset: number): void {
    let written = 0;
    while (written < bytes.byteLength) {
      const rest = written === 0 ? bytes : bytes.subarray(written);
      const result = libc.pwrite(this.descriptor, rest, rest.byteLength, offset + written);
      if (result === -errno.EINTR) continue;
      // No progress without an error is not for regular files; to go on would be an endless loop.
      if (result <= 0)
        throw new PosixError("write to shared memory", this.name, "pwrite", result === 0 ? -errno.EIO : result);
      written += result;
    }
  }

  /**
   * Takes the write lock on the whole object without waiting; false when somebody else has it. The kernel gives it back
   * when the last descriptor of this opening is closed, however the process ends.
   */
  tryLock(): boolean {
    const result = libc.fcntl(this.descriptor, F_OFD_SETLK, "void *", wholeFileWriteLock);
    if (result === -errno.EAGAIN || result === -errno.EACCES) return false;
    if (result < 0) throw new PosixError("lock shared memory", this.name, "fcntl", result);
    return true;
  }

  /**
   * Whether another opening of the object holds the write lock; asks only, so a read-only descriptor will do. A read lock, which
   * anybody who may read can take, does not count.
   */
  isLocked(): boolean {
    const question = wholeFileWriteLock.slice();
    const result = libc.fcntl(this.descriptor, F_OFD_GETLK, "void *", question);
    if (result < 0) throw new PosixError("ask for the lock of shared memory", this.name, "fcntl", result);
    return question[endianness() === "LE" ? 0 : 1] === F_WRLCK;
  }

  /** The whole object as it is now, or the given size. */
  map(access: MappingAccess, sizeBytes: number = this.sizeBytes()): Mapping {
    return new Mapping(this.name, this.descriptor, sizeBytes, access);
  }

  /** True while the name leads to this very object and not to none or to another. */
  isLinked(): boolean {
    return isSameFile(this.#state(), stateOfPath(segmentPath(this.name), this.name));
  }

  /** What the system says of this very object, asked by its name; undefined when that leads to none or to another. */
  stateByName(): NamedState | undefined {
    this.#identity ??= this.#state();
    return namedState(this.#identity, stateOfPath(segmentPath(this.name), this.name));
  }

  /** Somebody gave it a second name (a hard link), through which it can be reached when its own is gone. */
  hasOtherNames(): boolean {
    return this.#state().nlink > 1n;
  }

  /**
   * From now on this descriptor, in every thread that knows its number, is the other's object, with the other's lock. `other` is
   * closed. What it was before comes back behind a descriptor that nobody else knows; with the closing of it its lock goes.
   */
  replaceBy(other: SharedMemoryObject): SharedMemoryObject {
    const free = libc.open("/dev/null", constants.O_RDONLY | O_CLOEXEC);
    if (free < 0) throw new PosixError("replace shared memory", this.name, "open", free);
    const before = new SharedMemoryObject(this.#name, free, true);
    let result = libc.dup3(this.descriptor, free, O_CLOEXEC);
    if (result >= 0) result = libc.dup3(other.descriptor, this.descriptor, O_CLOEXEC);
    if (result < 0) {
      before.#abandon();
      throw new PosixError("replace shared memory", this.name, "dup3", result);
    }
    other.#abandon();
    this.#identity = undefined;
    return before;
  }

  /** Gives the object another name, in one step: whoever opens that name gets this object or the one that had it before. */
  rename(name: string): void {
    checkObjectName("shared memory", name);
    const result = libc.rename(segmentPath(this.#name), segmentPath(name));
    if (result < 0) throw new PosixError(`rename shared memory to ${name},`, this.#name, "rename", result);
    this.#name = name;
  }

  /** Gives the object a second name; what had that before loses it. */
  linkAs(name: string): void {
    SharedMemoryObject.remove(name);
    const result = libc.link(segmentPath(this.#name), segmentPath(name));
    if (result < 0) throw new PosixError(`give the name ${name} to shared memory`, this.#name, "link", result);
  }

  /** Removes the name; who has the object open keeps it. False when there was no such name. */
  unlink(): boolean {
    return SharedMemoryObject.remove(this.name);
  }

  /** Removes a name without opening what it leads to; false when there was none. */
  static remove(name: string): boolean {
    checkObjectName("shared memory", name);
    const result = libc.shm_unlink(`/${name}`);
    if (result === -errno.ENOENT) return false;
    if (result < 0) throw new PosixError("remove shared memory", name, "shm_unlink", result);
    return true;
  }

  /** Harmless when done before. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (!this.#ownsDescriptor) return;
    const result = libc.close(this.descriptor);
    if (result < 0) throw new PosixError("close shared memory", this.name, "close", result);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes on the way out of a failure, which is what gets reported. */
  #abandon(): void {
    this.#isOpen = false;
    libc.close(this.descriptor);
  }

  #state(): BigIntStats {
    return stateOfDescriptor(this.descriptor, this.name);
  }

  /** Exactly this mode, whatever the umask. */
  setMode(mode: number): void {
    const result = libc.fchmod(this.descriptor, mode);
    if (result < 0) throw new PosixError("set the mode of shared memory", this.name, "fchmod", result);
  }
}
