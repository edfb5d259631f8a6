// A failed system call as an error that an operator can act on. Outcomes that are expected (a name that exists, a lock that is
// taken) never get here: they are values.

import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";

/** errno by name; numbers differ between machines. */
export const errno = constants.errno;

/** What the errno means for an object in /dev/shm, where the system's own words leave that open. */
const reasons: Readonly<Record<string, string>> = {
  EACCES:
    "this user is not permitted to; it needs the group that ls -l /dev/shm shows (usermod --append --groups GROUP USER)",
  EPERM: "this user is not permitted to; look at its owner and mode",
  ENOSPC: "/dev/shm has no room left; free some or mount it larger",
  ENOMEM: "there is no memory left; free some or raise this process's limit",
  EMFILE: "this process has reached its limit of open files; raise it",
  ENFILE: "the machine has reached its limit of open files",
  EROFS: "/dev/shm is mounted read-only",
  ENOENT: "there is none of that name",
  EISDIR: "there is a directory of that name; remove it",
  EFBIG: "it would pass the limit of file sizes",
  ENOSYS: "this kernel or its system call filter has no such call",
};

/** The system refused. `code` is the errno's name, `syscall` the call, `object` the name of the thing. */
export class PosixError extends Error {
  override readonly name = "PosixError";
  readonly code: string;
  readonly syscall: string;
  readonly object: string;

  /** `action` completes "cannot ..." up to the object's name; `result` is the call's result, an errno negated. */
  constructor(action: string, object: string, syscall: string, result: number) {
    const code = errnoName(result);
    super(`cannot ${action} ${object} because ${reasons[code] ?? systemMessage(result)} (${code} from ${syscall})`);
    this.code = code;
    this.syscall = syscall;
    this.object = object;
  }
}

/** The object of that name is not one that we may or can use; `code` is constant, the message says what was found. */
export class UnsuitableObjectError extends Error {
  override readonly name = "UnsuitableObjectError";
  readonly code = "UnsuitableObject";
  readonly object: string;

  constructor(action: string, object: string, reason: string) {
    super(`cannot ${action} ${object} because ${reason}`);
    this.object = object;
  }
}

/** A number that no table knows keeps its digits. */
function errnoName(result: number): string {
  return Object.entries(errno).find(([, number]) => number === -result)?.[0] ?? `errno ${-result}`;
}

/** Node has words for the errors that its own calls meet; for the others the name has to do. */
function systemMessage(result: number): string {
  const known = getSystemErrorMap().get(result);
  return known === undefined ? "the system refused" : `the system says "${known[1]}"`;
}
