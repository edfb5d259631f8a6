// From the memory of the system to the disk: what a power failure must not take. A new file is found again only when its folder is on the disk, too
// (fsync(2)), and a renamed file may be empty when its content is not.

import { closeSync, constants, fsyncSync, openSync } from "node:fs";
import { open } from "node:fs/promises";

const flags = constants.O_RDONLY | constants.O_NONBLOCK;

/** Files and folders. Rejects with the error of the system. */
export async function toDisk(...paths: readonly string[]): Promise<void> {
  await Promise.all(
    paths.map(async (path) => {
      const handle = await open(path, flags);
      try {
        await handle.sync();
      } catch (error) {
        passOver(error);
      } finally {
        await handle.close();
      }
    }),
  );
}

/** For whoever may wait: commands. */
export function toDiskSync(...paths: readonly string[]): void {
  for (const path of paths) {
    const descriptor = openSync(path, flags);
    try {
      fsyncSync(descriptor);
    } catch (error) {
      passOver(error);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Some file systems have nothing to sync for a folder. */
function passOver(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== "EINVAL") throw error;
}
