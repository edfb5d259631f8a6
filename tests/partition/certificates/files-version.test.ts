import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { filesVersion } from "../../../packages/partition/src/certificates/files-version.ts";

test("the version changes with every change to a file or in a folder, and only then", (t) => {
  const root = mkdtempSync(join(tmpdir(), "cpc-files-"));
  t.after(() => rmSync(root, { recursive: true }));
  const folder = join(root, "folder");
  const file = join(root, "file");
  const seen = new Set<string>();
  const version = (): string => {
    const now = filesVersion([folder, undefined, file]);
    assert.equal(filesVersion([folder, undefined, file]), now);
    return now;
  };
  const changes: readonly (() => void)[] = [
    () => {},
    () => writeFileSync(file, "one"),
    () => writeFileSync(file, "longer"),
    () => chmodSync(file, 0o604),
    () => mkdirSync(folder),
    () => writeFileSync(join(folder, "a"), "1"),
    () => writeFileSync(join(folder, "a"), "22"),
    // What could not be read can be read now.
    () => chmodSync(join(folder, "a"), 0o604),
    () => renameSync(join(folder, "a"), join(folder, "b")),
    () => rmSync(join(folder, "b")),
  ];
  const versions = changes.map((change) => {
    change();
    return version();
  });
  for (const one of versions) seen.add(one);
  // An empty folder is like none, and at the end it is empty again.
  assert.equal(seen.size, changes.length - 2);
  assert.equal(versions[4], versions[3]);
  assert.equal(versions.at(-1), versions[4]);
});
