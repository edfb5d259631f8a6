// What fcntl(2) needs for a lock. fcntl.h of Linux. Open file description locks belong to the open file, not to the process.

import { endianness } from "node:os";

export const F_OFD_GETLK = 36;
export const F_OFD_SETLK = 37;
export const F_WRLCK = 1;

/** One argument for every lock: `struct flock` for the whole file (l_whence SEEK_SET, l_start 0, l_len 0) on 64-bit Linux. */
export const wholeFileWriteLock = new Uint8Array(32);
wholeFileWriteLock[endianness() === "LE" ? 0 : 1] = F_WRLCK;
