// Which files and folders are synced to the disk: nothing short of a power failure shows it otherwise. The calls are made as ever.

import fs from "node:fs";
import { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { TestContext } from "node:test";

function pathOf(descriptor: number): string {
  return fs.readlinkSync(`/proc/self/fd/${descriptor}`);
}

/** Filled when a sync of the path has ended. */
export async function syncedPaths(t: TestContext): Promise<string[]> {
  const paths: string[] = [];
  const handle = await open("/dev/null");
  const prototype = Object.getPrototypeOf(handle) as { sync: (this: typeof handle) => Promise<void> };
  const { sync } = prototype;
  await handle.close();
  t.mock.method(prototype, "sync", async function (this: typeof handle) {
    const path = pathOf(this.fd);
    await sync.call(this);
    paths.push(path);
  });
  return paths;
}

/** Also says what `look` found when the sync of the path had ended. */
export function syncedAtOnce<Found>(t: TestContext, look: () => Found): (readonly [string, Found])[] {
  const found: (readonly [string, Found])[] = [];
  const { fsyncSync } = fs;
  const mocked = t.mock.method(fs, "fsyncSync", (descriptor: number) => {
    fsyncSync(descriptor);
    found.push([pathOf(descriptor), look()]);
  });
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
  return found;
}
