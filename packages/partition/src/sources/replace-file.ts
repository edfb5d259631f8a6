// A file of the state folder is written beside and then renamed: there is the old one or the new one, never half of one.

import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

export async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.next`;
  await mkdir(dirname(file), { recursive: true });
  await rm(next, { force: true });
  const handle = await open(next, "wx", 0o640);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, file);
}
