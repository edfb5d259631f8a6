// A file of the bridge's state folder whose name something else has: refused with its path, and never waited for.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { PositionsFile } from "../../packages/bridge/src/delivery/positions-file.ts";
import { nextBirthSequence } from "../../packages/bridge/src/outputs/sparkplug/birth-sequence.ts";
import { SegmentQueue } from "../../packages/bridge/src/queue/segment-queue.ts";
import { FileLock } from "../../packages/image/src/posix/file-lock.ts";
import { Sandbox } from "../partition/commands/cpc.ts";
import { oddFiles, placeOdd } from "../odd-files.ts";

const watchdog = { timeout: 200_000 };

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "cpc-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const limits = { limitBytes: 2 ** 20, segmentBytes: 4096 };
const uses: Readonly<Record<string, (folder: string) => unknown>> = {
  "positions.json": (folder) => new PositionsFile(folder, () => {}),
  bdseq: nextBirthSequence,
  bounds: (folder) => new SegmentQueue(folder, limits),
  lock: (folder) => FileLock.take(join(folder, "lock")),
};

for (const kind of oddFiles)
  test(`a ${kind} in place of a file is refused`, watchdog, async (t) => {
    for (const [name, use] of Object.entries(uses)) {
      const folder = folderOf(t);
      const path = join(folder, name);
      await placeOdd(t, kind, path);
      assert.throws(
        () => use(folder),
        ({ message }: Error) => message.includes(path) && /is not a regular file|ENXIO|EISDIR/.test(message),
        name,
      );
    }
  });

for (const kind of oddFiles)
  test(`a ${kind} in place of a file of the queue is one that is lost`, watchdog, async (t) => {
    const folder = folderOf(t);
    const first = new SegmentQueue(folder, limits);
    for (let block = 0; block < 20; block++) first.append(Buffer.alloc(1000), 10);
    first[Symbol.dispose]();
    await placeOdd(t, kind, join(folder, "0000000000000000.queue"));
    using queue = new SegmentQueue(folder, limits);
    assert.equal(queue.records, 200);
    const lost = queue.read();
    assert.deepEqual([lost?.payload, lost?.records], [undefined, 40]);
    queue.acknowledge(lost?.end ?? 0);
    assert.ok(queue.read()?.payload);
    queue.append(Buffer.alloc(1000), 10);
    assert.equal(queue.records, 170);
  });

test("cpc bridge says which file is none, and ends", watchdog, async (t) => {
  const sandbox = new Sandbox(t);
  const state = join(sandbox.folder, "state");
  mkdirSync(state);
  await placeOdd(t, "pipe", join(state, "lock"));
  const file = sandbox.write("bridge.yaml", "outputs: [{ type: mqtt, address: 'mqtt://127.0.0.1:1' }]\n");
  const { code, stderr } = await sandbox.cpc(["bridge", file, "--state", state, "--prefix", sandbox.prefix]).ended;
  assert.equal(code, 1);
  assert.match(
    stderr,
    /cannot use the folder \S+state: cannot lock \S+state\/lock because it is not a regular file; remove it\n$/,
  );
});

test(
  "a bridge whose password is a pipe refuses it at once, since it reads secrets again and again",
  watchdog,
  async (t) => {
    const sandbox = new Sandbox(t);
    const pipe = join(sandbox.folder, "password");
    await placeOdd(t, "pipe", pipe);
    writeFileSync(join(sandbox.folder, "good"), "secret\n");
    const file = (name: string): string =>
      sandbox.write(
        "bridge.yaml",
        `outputs: [{ type: mqtt, address: 'mqtt://127.0.0.1:1', user: u, password: '\${file:${join(sandbox.folder, name)}}' }]\n`,
      );
    const { code, stderr } = await sandbox.cpc(["bridge", file("password"), "--check"]).ended;
    assert.equal(code, 2);
    assert.match(
      stderr,
      /password refers to the file "\S+password", which cannot be used because it is not a regular file/,
    );
    assert.equal((await sandbox.cpc(["bridge", file("good"), "--check"]).ended).code, 0);
  },
);
