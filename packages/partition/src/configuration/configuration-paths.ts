// From what a person gives as configuration, files and directories, to the files.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readingTrouble } from "@cpc-partition/process/bounded-file";
import type { Problem } from "./problem.ts";

export interface FoundFiles {
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * A directory stands for its files that end with ".xml", in the order of their names; a hidden file (an editor's) is none of them. What cannot
 * be looked at is taken for a file: whoever reads it says why.
 */
export async function findFiles(paths: readonly string[]): Promise<FoundFiles> {
  const files: string[] = [];
  const problems: Problem[] = [];
  for (const path of paths) {
    const isDirectory = await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    );
    if (!isDirectory) {
      files.push(path);
      continue;
    }
    try {
      const names = (await readdir(path)).filter((name) => name.endsWith(".xml") && !name.startsWith("."));
      files.push(...names.sort().map((name) => join(path, name)));
      if (names.length > 0) continue;
      const message =
        "the directory has no file whose name ends with .xml; put the configuration there, or name its files";
      problems.push({ file: path, line: 1, message });
    } catch (error) {
      const message = `cannot read the directory because ${readingTrouble(error)}; let this user read it`;
      problems.push({ file: path, line: 1, message });
    }
  }
  return { files, problems };
}
