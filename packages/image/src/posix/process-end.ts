// The end of the process when one of its threads hangs in the system, in a name server that is silent for example: nobody can end such a
// thread, and the runtime would wait for it.

import { libc } from "./libc.ts";

/** At once, with all threads. Nothing is flushed and nothing closed but by the kernel: _exit(2). */
export function endProcessAtOnce(exitCode: number): never {
  return libc.endAtOnce(exitCode);
}
