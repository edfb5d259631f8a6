// Files that a configuration names: certificates and keys. They must be there and readable before anything is started.

import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";

import type { Fields } from "./fields.ts";
import { quote } from "./problem.ts";

/**
 * The absolute path in the child `name`; relative ones start at `directory`. Undefined when none is given or, with an error,
 * when the file cannot be read.
 */
export function existingFile(fields: Fields, name: string, directory: string): string | undefined {
  const written = fields.text(name)?.trim() ?? "";
  if (written === "") return undefined;
  const path = resolve(directory, written);
  const trouble = fileTrouble(path);
  if (trouble === undefined) return path;
  const root = isAbsolute(written) ? "" : ` (relative names start at the certificates directory ${resolve(directory)})`;
  fields.findings.error(
    fields.lineOf(name),
    `<${name}> is ${quote(written)}, but ${quote(path)} ${trouble}${root}; the name of a readable file is right`,
  );
  return undefined;
}

function fileTrouble(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return "is not a file";
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    return code === "ENOENT" || code === "ENOTDIR" ? "does not exist" : "cannot be read by this user";
  }
}
