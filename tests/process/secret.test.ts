import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { SecretFiles } from "../../packages/process/src/secret.ts";

function pipeOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const pipe = join(folder, "secret");
  execFileSync("mkfifo", [pipe]);
  return pipe;
}

test("all pipes of a configuration have the time of one, and none where they are refused", (t) => {
  const pipes = Array.from({ length: 20 }, () => pipeOf(t));
  const troubles = (files: SecretFiles): readonly unknown[] =>
    Array.from(new Set(pipes.map((pipe) => JSON.stringify(files.read(pipe)))));
  const startMs = performance.now();
  const [waited, ...others] = troubles(new SecretFiles(500));
  assert.match(String(waited), /trouble/);
  assert.deepEqual(others, []);
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs >= 500 && tookMs < 9000, `${tookMs} ms for 20 pipes that nobody fills`);
  assert.match(String(troubles(new SecretFiles(0))), /not a regular file/);
});
