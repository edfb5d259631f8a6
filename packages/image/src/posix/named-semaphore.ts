// One POSIX named semaphore: sem_overview(7).
//
// glibc keeps it in a file of 32 bytes and maps it. A consumer with write permission can cut that file, and the next touch
// would end this process with SIGBUS; or fill it with garbage, and then glibc ends it with abort(3). So the file is looked at before every
// touch, through a descriptor that is kept beside the mapping, and a spoilt one is an error. What remains is a file that is spoilt
// within the microsecond between look and touch.
// Not promised: that a permit comes back when its holder dies. A semaphore has no owner.

import { constants } from "node:fs";
import type { BigIntStats } from "node:fs";
import { errno, PosixError, UnsuitableObjectError } from "./errno.ts";
import {
  makeWay,
  namedState,
  requireOwnFile,
  requireRegularFile,
  stateOfDescriptor,
  stateOfPath,
  type NamedState,
} from "./file-state.ts";
import { libc } from "./libc.ts";
import { checkObjectName, semaphorePath } from "./object-name.ts";

/** sizeof(sem_t) of glibc on 64-bit machines, semaphore.h. */
const fileBytes = 32;
/** Value and number of waiters come first and change; what follows is constant, in glibc and musl alike. */
const volatileBytes = 8;
/** More permits than any number of consumers that post too often could leave: such a value is garbage. */
const maxPlausibleValue = 1000;
const attempts = 10;
/** fcntl.h of Linux; node:fs sets it by itself and does not name it. */
const O_CLOEXEC = 0o2000000;

export interface SemaphoreWithOrigin {
  readonly semaphore: NamedSemaphore;
  readonly origin: "Created" | "TakenOver";
}

export class NamedSemaphore implements Disposable {
  readonly name: string;
  readonly #semaphore: bigint;
  readonly #descriptor: number;
  /** Where its file is read to: one byte more than there should be tells a file that is too long. */
  readonly #words = new Uint32Array(fileBytes / 4 + 1);
  readonly #content = new Uint8Array(this.#words.buffer, 0, fileBytes + 1);
  #model: Uint32Array | undefined;
  /** Of the file, which stays the same as long as it is open. */
  #identity: BigIntStats | undefined;
  #isOpen = true;

  private constructor(name: string, semaphore: bigint, descriptor: number) {
    this.name = name;
    this.#semaphore = semaphore;
    this.#descriptor = descriptor;
  }

  /** A new one with exactly this mode, whatever the umask; undefined when the name is taken, or somebody removes it at once. */
  static createExclusive(name: string, mode: number, value = 1): NamedSemaphore | undefined {
    checkObjectName("semaphore", name);
    const flags = constants.O_CREAT | constants.O_EXCL;
    const semaphore = libc.sem_open(`/${name}`, flags, "unsigned int", mode, "unsigned int", value);
    if (semaphore === -errno.EEXIST) return undefined;
    if (typeof semaphore === "number") throw new PosixError("create semaphore", name, "sem_open", semaphore);
    let created: NamedSemaphore | undefined;
    try {
      created = NamedSemaphore.#withDescriptor(name, semaphore, "create semaphore", mode);
    } catch (error) {
      libc.sem_unlink(`/${name}`);
      libc.sem_close(semaphore);
      throw error;
    }
    if (created === undefined) libc.sem_close(semaphore);
    return created;
  }

  /**
   * The one that an earlier run left, with its value, whatever that is, and its mode set again. A file of this user that is no
   * semaphore (other size, garbage) is replaced by a new one of value 1, and so is what is not ours (`replaced` is told why). Undefined when there is none.
   */
  static adopt(name: string, mode: number, replaced: (reason: string) => void = () => {}): NamedSemaphore | undefined {
    const found = NamedSemaphore.#stateOfName(name);
    if (found === undefined) return undefined;
    const reason = makeWay(found, semaphorePath(name), () => NamedSemaphore.remove(name));
    if (reason !== undefined) {
      replaced(reason);
      return NamedSemaphore.createExclusive(name, mode);
    }
    requireOwnFile(found, "take over semaphore", name, semaphorePath(name));
    if (found.size === BigInt(fileBytes)) {
      const adopted = NamedSemaphore.#open(name, "take over semaphore", mode);
      if (adopted === undefined) return undefined;
      let isKept = false;
      try {
        isKept = adopted.isSound();
      } finally {
        if (!isKept) adopted.close();
      }
      if (isKept) return adopted;
    }
    NamedSemaphore.remove(name);
    return NamedSemaphore.createExclusive(name, mode);
  }

  /** Whichever of the two it takes, also while others create and remove the same name. */
  static createOrAdopt(name: string, mode: number, replaced: (reason: string) => void = () => {}): SemaphoreWithOrigin {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const created = NamedSemaphore.createExclusive(name, mode);
      if (created !== undefined) return { semaphore: created, origin: "Created" };
      const adopted = NamedSemaphore.adopt(name, mode, replaced);
      if (adopted !== undefined) return { semaphore: adopted, origin: "TakenOver" };
    }
    throw new UnsuitableObjectError("create semaphore", name, "another program keeps creating and removing it");
  }

  /** Whoever owns it; undefined when there is none. */
  static openExisting(name: string): NamedSemaphore | undefined {
    const found = NamedSemaphore.#stateOfName(name);
    if (found === undefined) return undefined;
    requireRegularFile(found, "open semaphore", name, semaphorePath(name));
    if (found.size !== BigInt(fileBytes)) {
      throw new UnsuitableObjectError(
        "open semaphore",
        name,
        `${semaphorePath(name)} has ${found.size} bytes and a semaphore has ${fileBytes}; remove it`,
      );
    }
    return NamedSemaphore.#open(name, "open semaphore", undefined);
  }

  static #stateOfName(name: string): BigIntStats | undefined {
    checkObjectName("semaphore", name);
    return stateOfPath(semaphorePath(name), name);
  }

  static #open(name: string, action: string, mode: number | undefined): NamedSemaphore | undefined {
    const semaphore = libc.sem_open(`/${name}`, 0);
    if (semaphore === -errno.ENOENT) return undefined;
    if (typeof semaphore === "number") throw new PosixError(action, name, "sem_open", semaphore);
    let opened: NamedSemaphore | undefined;
    try {
      opened = NamedSemaphore.#withDescriptor(name, semaphore, action, mode);
    } finally {
      if (opened === undefined) libc.sem_close(semaphore);
    }
    return opened;
  }

  /**
   * Opens the file beside the mapping and, for a semaphore of our own, sets its mode. Undefined when somebody has removed it meanwhile. Leaves
   * `semaphore` to the caller then, and on failure.
   */
  static #withDescriptor(
    name: string,
    semaphore: bigint,
    action: string,
    mode: number | undefined,
  ): NamedSemaphore | undefined {
    // Not by node:fs: a worker thread closes at its end, by number, what it opened there and does not see closed here.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | O_CLOEXEC;
    const descriptor = libc.open(semaphorePath(name), flags);
    if (descriptor === -errno.ENOENT) return undefined;
    if (descriptor < 0) throw new PosixError(action, name, "open", descriptor);
    const opened = new NamedSemaphore(name, semaphore, descriptor);
    try {
      if (mode !== undefined) opened.setMode(mode);
    } catch (error) {
      libc.close(descriptor);
      throw error;
    }
    return opened;
  }

  /** Exactly this mode, whatever the umask. */
  setMode(mode: number): void {
    const result = libc.fchmod(this.#descriptor, mode);
    if (result < 0) throw new PosixError("set the mode of semaphore", this.name, "fchmod", result);
  }

  /** True when its file is whole and holds what a semaphore with a plausible value holds. */
  isSound(): boolean {
    return this.#read() === fileBytes && this.#isSemaphore() && this.#permits() <= maxPlausibleValue;
  }

  /** True while the name leads to this very semaphore and not to none or to another. */
  isLinked(): boolean {
    return this.stateByName() !== undefined;
  }

  /** What the system says of this very semaphore, asked by its name; undefined when that leads to none or to another. */
  stateByName(): NamedState | undefined {
    this.#identity ??= stateOfDescriptor(this.#descriptor, this.name);
    return namedState(this.#identity, NamedSemaphore.#stateOfName(this.name));
  }

  /** Takes a permit if there is one, without waiting. */
  tryWait(): boolean {
    return this.take() > 0;
  }

  /** The same; how many permits there were just before, 0 when none was taken. */
  take(): number {
    const permits = this.value();
    const result = libc.sem_trywait(this.#semaphore);
    if (result === -errno.EAGAIN || result === -errno.EINTR) return 0;
    if (result < 0) throw new PosixError("take semaphore", this.name, "sem_trywait", result);
    return Math.max(1, permits);
  }

  /** Gives one permit. */
  post(): void {
    this.#requireWhole();
    this.#post();
  }

  /** Gives one permit, unless there is one: then false. */
  postWhenNone(): boolean {
    if (this.value() > 0) return false;
    this.#post();
    return true;
  }

  /** Permits at this moment. */
  value(): number {
    this.#requireWhole();
    return this.#permits();
  }

  /** Removes the name; who has it open keeps it. False when there was no such name. */
  unlink(): boolean {
    return NamedSemaphore.remove(this.name);
  }

  /** Removes a name without opening what it leads to; false when there was none. */
  static remove(name: string): boolean {
    checkObjectName("semaphore", name);
    const result = libc.sem_unlink(`/${name}`);
    if (result === -errno.ENOENT) return false;
    if (result < 0) throw new PosixError("remove semaphore", name, "sem_unlink", result);
    return true;
  }

  /** Harmless when done before. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const closed = libc.close(this.#descriptor);
    const result = libc.sem_close(this.#semaphore);
    if (result < 0) throw new PosixError("close semaphore", this.name, "sem_close", result);
    if (closed < 0) throw new PosixError("close semaphore", this.name, "close", closed);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #post(): void {
    const result = libc.sem_post(this.#semaphore);
    if (result < 0) throw new PosixError("give back semaphore", this.name, "sem_post", result);
  }

  /** Throws an UnsuitableObjectError where a touch would end the process. */
  #requireWhole(): void {
    if (!this.#isOpen) throw new UnsuitableObjectError("use semaphore", this.name, "it is closed");
    const length = this.#read();
    if (length < fileBytes) {
      const reason = `another program cut its file to ${length} bytes`;
      throw new UnsuitableObjectError("use semaphore", this.name, reason);
    }
    if (!this.#isSemaphore())
      throw new UnsuitableObjectError("use semaphore", this.name, "another program wrote something else into its file");
  }

  /** Behind value and waiters its file holds what that of every semaphore between processes does. */
  #isSemaphore(): boolean {
    const model = this.#model ?? new Uint32Array(fileBytes / 4);
    if (this.#model === undefined) {
      const result = libc.sem_init(new Uint8Array(model.buffer), 1, 0);
      if (result < 0) throw new PosixError("make a model of semaphore", this.name, "sem_init", result);
      this.#model = model;
    }
    for (let word = volatileBytes / 4; word < model.length; word++) if (this.#words[word] !== model[word]) return false;
    return true;
  }

  /** As its file said when it was last read. */
  #permits(): number {
    return this.#words[0] ?? 0;
  }

  /** The length of its content. */
  #read(): number {
    const length = libc.pread(this.#descriptor, this.#content, this.#content.byteLength, 0);
    if (length < 0) throw new PosixError("read semaphore", this.name, "pread", length);
    return length;
  }
}
