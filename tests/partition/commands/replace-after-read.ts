// Loaded before a command (`--import`): replaces a file by `FILE.next`, where there is one, as soon as it was read for the first time.

import fs, { existsSync, renameSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const { openSync, closeSync } = fs;
const opened = new Map<number, string>();

fs.openSync = (path, ...rest) => {
  const descriptor = openSync(path, ...rest);
  opened.set(descriptor, String(path));
  return descriptor;
};

fs.closeSync = (descriptor) => {
  closeSync(descriptor);
  const path = opened.get(descriptor);
  opened.delete(descriptor);
  if (path !== undefined && existsSync(`${path}.next`)) renameSync(`${path}.next`, path);
};

syncBuiltinESMExports();
