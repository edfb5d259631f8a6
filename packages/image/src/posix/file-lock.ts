// The write lock of a plain file: one process at a time works in the folder that the file stands for. The kernel gives it back when the
// process ends, however it ends.

import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { errno, PosixError, UnsuitableObjectError } from "./errno.ts";
import { libc } from "./libc.ts";
import { F_OFD_SETLK, wholeFileWriteLock } from "./file-lock-words.ts";

export class FileLock implements Disposable {
  readonly #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** Creates the file where there is none; whatever else has the name is an UnsuitableObjectError. Undefined when another process, or another opening in this one, has the lock. */
  static take(path: string): FileLock | undefined {
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK, 0o600);
    if (!fstatSync(descriptor).isFile()) {
      closeSync(descriptor);
      throw new UnsuitableObjectError("lock", path, "it is not a regular file; remove it");
    }
    const result = libc.fcntl(descriptor, F_OFD_SETLK, "void *", wholeFileWriteLock);
    if (result >= 0) return new FileLock(descriptor);
    closeSync(descriptor);
    if (result === -errno.EAGAIN || result === -errno.EACCES) return undefined;
    throw new PosixError("lock", path, "fcntl", result);
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
