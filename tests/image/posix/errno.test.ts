import assert from "node:assert/strict";
import { test } from "node:test";
import { errno, PosixError } from "../../../packages/image/src/posix/errno.ts";

const because = (result: number): string =>
  new PosixError("lock", "a", "fcntl", result).message.slice("cannot lock a because ".length);

test("a failed call says what could not be done to what, why, and by which call", () => {
  const error = new PosixError("create shared memory", "opcua_shm", "posix_fallocate", -errno.ENOSPC);
  assert.equal(
    error.message,
    "cannot create shared memory opcua_shm because /dev/shm has no room left; free some or mount it larger (ENOSPC from posix_fallocate)",
  );
  assert.deepEqual([error.code, error.syscall, error.object], ["ENOSPC", "posix_fallocate", "opcua_shm"]);
});

test("an errno without words of ours has the system's, and one that nobody knows keeps its number", () => {
  assert.equal(because(-errno.EBUSY), 'the system says "resource busy or locked" (EBUSY from fcntl)');
  assert.equal(because(-errno.EDEADLK), "the system refused (EDEADLK from fcntl)");
  assert.equal(because(-4000), "the system refused (errno 4000 from fcntl)");
});
