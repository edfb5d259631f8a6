// Files that a configuration names: certificates and keys. They must be there and readable before anything is started.

import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { readingTrouble } from "@cpc-partition/process/file-trouble";

import type { Fields } from "./fields.ts";
import { quotePath } from "./problem.ts";

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
  const found = isAbsolute(written)
    ? `which ${trouble}`
    : `but ${quotePath(path)} ${trouble} (relative names start at the certificates directory ${resolve(directory)})`;
  const message = `<${name}> is ${quotePath(written)}, ${found}; write the name of a readable file`;
  fields.findings.error(fields.lineOf(name), message);
  return undefined;
}

function fileTrouble(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return "is not a file";
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return "does not exist";
    return `cannot be used because ${readingTrouble(error, path)}`;
  }
}
