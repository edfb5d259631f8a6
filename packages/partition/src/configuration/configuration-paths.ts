// From what a person gives as configuration, files and directories, to the files.

import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import { quotePath, type Problem } from "./problem.ts";

export interface FoundFiles {
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * A directory stands for its files that end with ".xml", in the order of their names; a hidden file (an editor's) is none of them. What cannot
 * be looked at is taken for a file: whoever reads it says why. A file that is given twice, under whatever names, is read once, and a problem.
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
      const message = `cannot read the directory because ${readingTrouble(error, path)}`;
      problems.push({ file: path, line: 1, message });
    }
  }
  const { once, repeated } = await withoutRepeats(files);
  return { files: once, problems: [...problems, ...repeated] };
}

async function withoutRepeats(
  files: readonly string[],
): Promise<{ readonly once: readonly string[]; readonly repeated: readonly Problem[] }> {
  const givenAs = new Map<string, string>();
  const repeated: Problem[] = [];
  for (const file of files) {
    const real = await realpath(file).catch(() => file);
    const first = givenAs.get(real);
    if (first === undefined) givenAs.set(real, file);
    else {
      const message = `the file is given twice${first === file ? "" : `, the first time as ${quotePath(first)}`}; give it once`;
      repeated.push({ file, line: 1, message });
    }
  }
  return { once: [...givenAs.values()], repeated };
}
