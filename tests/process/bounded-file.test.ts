import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { readBoundedFile } from "../../packages/process/src/bounded-file.ts";
import { readingTrouble } from "../../packages/process/src/file-trouble.ts";

const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const watchdog = { timeout: 200_000 };
const largestBytes = 64 * 1024;
/** For a writer on a busy machine. */
const patientMs = 50_000;

function pipe(name: string): string {
  const path = join(folder, name);
  execFileSync("mkfifo", [path]);
  return path;
}

/** Writes with pauses, and then keeps the pipe open for so many seconds. */
function writer(t: { after(end: () => void): void }, path: string, script: string): void {
  const child = spawn("sh", ["-c", `exec > "$0"; ${script}`, path], { stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
}

function trouble(path: string, pipeWithinMs?: number): string {
  try {
    const pipes = pipeWithinMs === undefined ? {} : { pipeUntilMs: performance.now() + pipeWithinMs };
    return readBoundedFile(path, { largestBytes, ...pipes }).toString();
  } catch (error) {
    return readingTrouble(error);
  }
}

test("what is no file of bounded size is refused with its reason, and never waited for", watchdog, async (t) => {
  const socket = join(folder, "socket");
  const server = createServer().listen(socket);
  t.after(() => server.close());
  await new Promise((resolve) => void server.once("listening", resolve));
  const huge = join(folder, "huge");
  writeFileSync(huge, "");
  truncateSync(huge, 1024 ** 4);
  assert.equal(trouble("/dev/zero"), "it is not a regular file");
  assert.equal(trouble("/dev/zero", 0), "it is not a regular file");
  assert.equal(trouble(folder), "it is a directory");
  assert.equal(trouble(socket, 0), "it is a socket or a device that is not there");
  assert.equal(trouble(huge), "it is larger than 64 KiB");
  assert.equal(trouble(pipe("refused")), "it is not a regular file");
  assert.equal(trouble(join(folder, "none")), "it does not exist");
});

test("a file is read whole up to the largest size, also one that the system gives no size", () => {
  const file = join(folder, "file");
  writeFileSync(file, "x".repeat(largestBytes));
  assert.equal(readBoundedFile(file, { largestBytes }).length, largestBytes);
  assert.match(trouble("/proc/self/status"), /^Name:/);
});

test("a pipe without a writer, or with one that does not end, is given up", watchdog, (t) => {
  assert.equal(trouble(pipe("lonely"), 50), "it is a pipe into which no program wrote in time");
  const open = pipe("open");
  writer(t, open, "printf half; sleep 60");
  assert.match(
    trouble(open, 1000),
    /^it is a pipe (?:into which no program wrote|that the program .* did not close) in time$/,
  );
  const endless = pipe("endless");
  writer(t, endless, "cat /dev/zero");
  assert.equal(trouble(endless, patientMs), "it is larger than 64 KiB");
});

test("a pipe is read to its end, however slow its writer is", watchdog, (t) => {
  const slow = pipe("slow");
  writer(t, slow, "sleep 0.1; printf sec; sleep 0.1; printf ret");
  assert.equal(trouble(slow, patientMs), "secret");
});
