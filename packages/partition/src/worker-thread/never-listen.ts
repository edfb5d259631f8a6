// A thread that talks to the plant has no reason to be called. Where the kernel cannot hold it to that, only our code does.

import { PosixError } from "@cpc-partition/image/posix/errno";
import { giveUpListening } from "@cpc-partition/image/posix/no-listening";
import type { Log } from "@cpc-partition/process/log";

/** In this thread, and in those that it starts. */
export function neverListen(log: Log): void {
  try {
    giveUpListening();
  } catch (error) {
    if (!(error instanceof PosixError)) throw error;
    log("warn", error.message);
  }
}
