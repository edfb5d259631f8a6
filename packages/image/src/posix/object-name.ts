// Names of POSIX shared memory and semaphores, and where glibc on Linux keeps them (shm_overview(7), sem_overview(7)).

import { UnsuitableObjectError } from "./errno.ts";

const directory = "/dev/shm";
/** NAME_MAX of tmpfs, limits.h. */
const nameMaxBytes = 255;
const semaphorePrefix = "sem.";

/** Throws an UnsuitableObjectError for what cannot be a name. Names are written without the leading slash. */
export function checkObjectName(kind: "shared memory" | "semaphore", name: string): void {
  const maxBytes = kind === "semaphore" ? nameMaxBytes - semaphorePrefix.length : nameMaxBytes;
  const reason =
    name === "" || name === "." || name === ".."
      ? "that is not a name"
      : name.includes("/") || name.includes("\0")
        ? "a name has neither a slash nor a NUL in it"
        : Buffer.byteLength(name) > maxBytes
          ? `a name has at most ${maxBytes} bytes and this one has ${Buffer.byteLength(name)}`
          : undefined;
  if (reason !== undefined) throw new UnsuitableObjectError(`use ${kind}`, JSON.stringify(name), reason);
}

export function segmentPath(name: string): string {
  return `${directory}/${name}`;
}

export function semaphorePath(name: string): string {
  return `${directory}/${semaphorePrefix}${name}`;
}
