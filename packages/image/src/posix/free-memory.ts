// Memory that the C library keeps for itself. A thread that ends gives its memory to the library, which keeps tens of megabytes of it: what was
// allocated last lies at the end, and it gives back from the end only.

import { libc } from "./libc.ts";

/** Gives back to the system what is free, wherever it lies; takes some milliseconds. malloc_trim(3) */
export function giveBackFreeMemory(): void {
  libc.malloc_trim(0);
}
