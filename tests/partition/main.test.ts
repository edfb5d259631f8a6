import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const root = resolve(import.meta.dirname, "../..");

test("a thread that cannot be ended does not hold up the end of the process", { timeout: 200_000 }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "modbus.xml");
  writeFileSync(file, "<endpoints/>");
  // Node's own permissions: the file must not be read, and the thread that loads a protocol meanwhile hangs.
  const permissions = ["--permission", `--allow-fs-read=${root}`, "--allow-worker", "--allow-addons"];
  const main = join(root, "packages/partition/src/main.ts");
  const child = spawnSync(
    process.execPath,
    [...permissions, "--allow-child-process", main, "run", "--modbus", file, "--prefix", `cpc-test-${process.pid}_`],
    { encoding: "utf8", timeout: 200_000, killSignal: "SIGKILL" },
  );
  assert.match(child.stderr, /cannot read the file because/);
  assert.equal(child.status, 2);
});
