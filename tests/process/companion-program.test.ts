import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const packages = join(import.meta.dirname, "../../packages");

function cpcOf(name: string, ...args: readonly string[]): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const file = join(packages, name, "src/cpc.ts");
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

for (const name of ["bridge", "documents", "monitor"])
  test(`cpc of the ${name} alone has its commands and exit codes, and nothing of the partition`, async () => {
    const manifest = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8")) as { version: string };
    const [version, help, unknown, wrong] = await Promise.all([
      cpcOf(name, "--version"),
      cpcOf(name, "--help"),
      cpcOf(name, "run"),
      cpcOf(name, name, "--prefix", "a/b"),
    ]);
    assert.deepEqual([version.code, version.stdout], [0, `${manifest.version}\n`]);
    const commands = Array.from(help.stdout.matchAll(/^ {2}([a-z]+) /gm), ([, command]) => command);
    assert.deepEqual(commands, [name, "help"]);
    assert.equal(unknown.code, 2);
    assert.match(unknown.stderr, /unknown command 'run'/);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--prefix/);
  });
