// The lock that anybody who may read an object can take: no sign of a writer.

import assert from "node:assert/strict";
import { F_OFD_SETLK, F_WRLCK, wholeFileWriteLock } from "../../packages/image/src/posix/file-lock-words.ts";
import { libc } from "../../packages/image/src/posix/libc.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";

const F_RDLCK = 0;

/** Held until it is closed. */
export function readLocked(name: string): SharedMemoryObject {
  const object = SharedMemoryObject.openExisting(name, "read-only");
  assert.ok(object !== undefined);
  const lock = wholeFileWriteLock.map((byte) => (byte === F_WRLCK ? F_RDLCK : byte));
  assert.equal(libc.fcntl(object.descriptor, F_OFD_SETLK, "void *", lock), 0);
  return object;
}
