// What each call to the system can plausibly fail with: as the manual pages list it, without what the program treats as an ordinary
// outcome of the call.

import type { errno } from "../../../packages/image/src/posix/errno.ts";

export type ErrnoName = keyof typeof errno;

/** Calls that the life of a consumer's pair is made of. */
export const errnosOfPairs = {
  shm_open: ["EACCES", "EMFILE", "ENFILE", "ENOSPC", "ENOMEM"],
  shm_unlink: ["EACCES", "EPERM"],
  open: ["EACCES", "EMFILE", "ENFILE", "ENOENT", "ELOOP"],
  close: ["EIO", "EINTR", "ENOSPC"],
  dup3: ["EBUSY", "EINTR", "EMFILE"],
  fchmod: ["EPERM", "EIO", "EROFS"],
  posix_fallocate: ["ENOSPC", "EFBIG", "ENODEV", "ENOMEM"],
  fallocate: ["ENODEV", "EPERM"],
  pread: ["EIO", "EINTR"],
  pwrite: ["ENOSPC", "EIO", "EFBIG", "EDQUOT"],
  fcntl: ["ENOLCK", "EINVAL"],
  sem_open: ["EACCES", "EMFILE", "ENFILE", "ENOMEM", "ENOSPC"],
  sem_init: ["ENOSYS"],
  sem_close: ["EINVAL"],
  sem_unlink: ["EACCES"],
  sem_trywait: ["EINVAL"],
  sem_post: ["EOVERFLOW", "EINVAL"],
  fstat: ["EIO", "ENOMEM"],
  lstat: ["EACCES", "ENOMEM"],
} as const satisfies Readonly<Record<string, readonly ErrnoName[]>>;

/** Calls that a whole service makes. */
export const plausibleErrnos: ReadonlyMap<string, readonly ErrnoName[]> = new Map(
  Object.entries({
    ...errnosOfPairs,
    mmap: ["ENOMEM", "EAGAIN", "EPERM"],
    munmap: ["EINVAL", "ENOMEM"],
    rename: ["EACCES", "ENOSPC", "EROFS"],
    clock_gettime: ["EPERM"],
    link: ["EPERM", "ENOSPC", "EACCES"],
    futex: ["EINVAL", "ENOSYS", "EPERM"],
    prctl: ["EINVAL", "EPERM"],
    // ENOSYS and EOPNOTSUPP are ordinary: the kernel has no Landlock.
    landlock_create_ruleset: ["ENOMEM", "EMFILE"],
    landlock_restrict_self: ["E2BIG", "EPERM"],
  } as const satisfies Readonly<Record<string, readonly ErrnoName[]>>),
);
