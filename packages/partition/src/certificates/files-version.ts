// Whether anything about files and folders has changed since they were looked at, without reading them: a refusal that depended on them is
// worth another attempt.

import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** No two states of these paths have the same, as far as the file system tells. A folder stands for the files in it. Never throws. */
export function filesVersion(paths: readonly (string | undefined)[]): string {
  return paths.flatMap((path) => (path === undefined ? [] : versions(path))).join("\n");
}

function versions(path: string): readonly string[] {
  try {
    const state = statSync(path);
    if (state.isDirectory()) return readdirSync(path).flatMap((name) => versionOfFile(join(path, name)));
    return [`${path} ${state.ino} ${state.size} ${state.mtimeMs}`];
  } catch {
    return []; // not there, or not to be seen
  }
}

function versionOfFile(path: string): readonly string[] {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return [`${path} ${ino} ${size} ${mtimeMs}`];
  } catch {
    return [];
  }
}
