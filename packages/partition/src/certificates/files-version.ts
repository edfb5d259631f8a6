// Whether anything about files and folders has changed since they were looked at, without reading them: a refusal that depended on them is
// worth another attempt.

import { readdirSync, statSync, type Stats } from "node:fs";
import { join } from "node:path";

/** No two states of these paths have the same, as far as the file system tells. A folder stands for the files in it. Never throws. */
export function filesVersion(paths: readonly (string | undefined)[]): string {
  return paths.flatMap((path) => (path === undefined ? [] : versions(path))).join("\n");
}

function versions(path: string): readonly string[] {
  try {
    const state = statSync(path);
    if (state.isDirectory()) return readdirSync(path).flatMap((name) => versionOfFile(join(path, name)));
    return [versionOf(path, state)];
  } catch {
    return []; // not there, or not to be seen
  }
}

/** With the time of the last change of owner or mode: a file that could not be read may have become readable. */
function versionOf(path: string, { ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${path} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

function versionOfFile(path: string): readonly string[] {
  try {
    return [versionOf(path, statSync(path))];
  } catch {
    return [];
  }
}
