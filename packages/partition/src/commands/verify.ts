// `cpc verify`: are the files of this installation those of a release? The list of a release says what each should be; who vouches for the list
// is another question (its signature).

import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError } from "@cpc-partition/process/command-error";
import { readBoundedFile, UnsuitableFileError } from "@cpc-partition/process/bounded-file";
import { readingTrouble } from "@cpc-partition/process/file-trouble";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { print } from "@cpc-partition/process/standard-output";

const largestListBytes = 16 * 2 ** 20;
const largestFileBytes = 256 * 2 ** 20;

/** `list`: FILES.sha256 of a release: for each file its SHA-256, package and path. */
export function verify(list: string): ExitCode {
  const wanted = readList(list);
  const packages = [...wanted.keys()].map((name) => ({ name, folder: folderOf(name) }));
  const present = packages.flatMap(({ name, folder }) => (folder === undefined ? [] : [{ name, folder }]));
  if (present.length === 0)
    throw new CommandError(
      "cannot verify this installation because it is a checkout: it was built here, and from no release",
    );
  const differences = present.flatMap(({ name, folder }) => differencesOf(name, folder, wanted.get(name) ?? new Map()));
  const absent = packages.filter(({ folder }) => folder === undefined).map(({ name }) => name);
  for (const difference of differences) print(difference);
  if (absent.length > 0) print(`not installed, and not looked at: ${absent.join(", ")}`);
  const files = present.reduce((sum, { name }) => sum + (wanted.get(name)?.size ?? 0), 0);
  const names = present.map(({ name }) => name).join(", ");
  print(
    differences.length === 0
      ? `all ${files} files of ${names} are those of ${list}`
      : `${differences.length} files are not those of ${list}: install the release again, and find out who changed them`,
  );
  return differences.length === 0 ? ExitCode.fine : ExitCode.failed;
}

/** Package -> path -> SHA-256 in hexadecimal. */
function readList(list: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const packages = new Map<string, Map<string, string>>();
  let text: string;
  try {
    text = readBoundedFile(list, { largestBytes: largestListBytes }).toString();
  } catch (error) {
    throw new CommandError(`cannot read ${list} because ${readingTrouble(error)}; give the FILES.sha256 of a release`, {
      cause: error,
    });
  }
  for (const line of text.split("\n")) {
    const [, hash, name, path] = /^([0-9a-f]{64}) {2}((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(line) ?? [];
    if (hash === undefined || name === undefined || path === undefined) continue;
    const files = packages.get(name) ?? new Map<string, string>();
    packages.set(name, files.set(path, hash));
  }
  if (packages.size === 0)
    throw new CommandError(`cannot verify with ${list} because it lists no file; give the FILES.sha256 of a release`);
  return packages;
}

/** Where a package of ours is installed: beside this one, or below it. Undefined: nowhere, or not from a tarball. */
function folderOf(name: string): string | undefined {
  const own = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  if (!/[/\\]node_modules[/\\]cpc-partition$/.test(own)) return undefined;
  const places = name === "cpc-partition" ? [own] : [join(dirname(own), name), join(own, "node_modules", name)];
  return places.find((place) => existsSync(join(place, "package.json")));
}

function differencesOf(name: string, folder: string, wanted: ReadonlyMap<string, string>): readonly string[] {
  const found = new Set(filesIn(folder));
  const changed = [...wanted].flatMap(([path, hash]) => {
    if (!found.has(path)) return [`missing: ${name}/${path}`];
    return hashOf(join(folder, path)) === hash ? [] : [`changed: ${name}/${path}`];
  });
  const added = [...found].filter((path) => !wanted.has(path)).map((path) => `not of the release: ${name}/${path}`);
  return [...changed, ...added];
}

/** Undefined: it is no file that a release could have. */
function hashOf(file: string): string | undefined {
  try {
    return createHash("sha256")
      .update(readBoundedFile(file, { largestBytes: largestFileBytes }))
      .digest("hex");
  } catch (error) {
    if (error instanceof UnsuitableFileError) return undefined;
    throw error;
  }
}

/** Relative; not what others have put into its node_modules. */
function filesIn(folder: string, below = ""): readonly string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    if (path === "node_modules") return [];
    return entry.isDirectory() ? filesIn(folder, path) : [path];
  });
}
