import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, readFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { errno } from "../../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../../packages/image/src/posix/libc.ts";
import { OutputDescriptor, type WriteOutcome } from "../../../packages/image/src/posix/output-descriptor.ts";

const watchdog = { timeout: 200_000 };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function open(t: TestContext, path: string, flags: number): number {
  const descriptor = openSync(path, flags);
  t.after(() => closeSync(descriptor));
  return descriptor;
}

/** A pipe that a reader holds open, and its writing end as a parent would hand it down: blocking. */
function pipe(t: TestContext) {
  const path = join(folder(t), "pipe");
  assert.equal(spawnSync("mkfifo", [path]).status, 0);
  const reading = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { reading, writing: open(t, path, constants.O_WRONLY), close: () => closeSync(reading) };
}

function fill(output: OutputDescriptor): { readonly writtenBytes: number; readonly outcome: WriteOutcome } {
  const bytes = Buffer.alloc(100_000, "x");
  for (let writtenBytes = 0; ;) {
    const outcome = output.tryWrite(bytes);
    if (typeof outcome === "string") return { writtenBytes, outcome };
    writtenBytes += outcome;
  }
}

for (const way of ["opened again", "not to be opened again"] as const) {
  test(`a full pipe is "Full" at once, and takes more when it was read, ${way}`, watchdog, (t) => {
    const { reading, writing, close } = pipe(t);
    t.after(close);
    if (way === "not to be opened again") injectFaults((name) => (name === "open" ? errno.EACCES : undefined));
    using output = new OutputDescriptor(writing);
    injectFaults(undefined);
    const { writtenBytes, outcome } = fill(output);
    assert.deepEqual([writtenBytes, outcome], [65_536, "Full"]);
    assert.equal(readSync(reading, Buffer.alloc(8192)), 8192);
    assert.equal(fill(output).writtenBytes, 8192);
  });
}

test("the descriptor itself stays blocking: others share it", watchdog, (t) => {
  const { writing, close } = pipe(t);
  t.after(close);
  using _ = new OutputDescriptor(writing);
  const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${writing}`, "utf8"))?.[1] ?? "";
  assert.equal(Number.parseInt(flags, 8) & constants.O_NONBLOCK, 0);
});

test("a pipe without a reader, and a disk without room, are failures", watchdog, (t) => {
  const { writing, close } = pipe(t);
  using output = new OutputDescriptor(writing);
  close();
  assert.equal(output.tryWrite(Buffer.from("x")), "Failed");
  using full = new OutputDescriptor(open(t, "/dev/full", constants.O_WRONLY));
  assert.equal(full.tryWrite(Buffer.from("x")), "Failed");
});

test("a file goes on where others left off", watchdog, (t) => {
  const path = join(folder(t), "log");
  const descriptor = open(t, path, constants.O_WRONLY | constants.O_CREAT);
  writeSync(descriptor, "before ");
  using output = new OutputDescriptor(descriptor);
  assert.equal(output.tryWrite(Buffer.from("after")), 5);
  assert.equal(readFileSync(path, "utf8"), "before after");
});
