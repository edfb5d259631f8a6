import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessagePort } from "node:worker_threads";
import { errno } from "../../../packages/image/src/posix/errno.ts";
import { injectFaults } from "../../../packages/image/src/posix/libc.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { ImageChannel } from "../../../packages/partition/src/worker-thread/image-channel.ts";
import { ownPrefix } from "../../image/posix/own-objects.ts";
import { recordingLog } from "../sources/test-source.ts";

test("a journal that cannot be mapped is reported, and the log says so once until one could be", (t) => {
  const name = `${ownPrefix(t)}modbus_journal`;
  using object = SharedMemoryObject.createExclusive(name, 0o600)!;
  object.reserve(8192);
  const { lines, log } = recordingLog();
  const answers: unknown[] = [];
  const port = { postMessage: (message: unknown) => answers.push(message) } as unknown as MessagePort;
  const channel = new ImageChannel("modbus_image", port, log);
  t.after(() => channel.close());
  const offer = (isPossible: boolean): void => {
    injectFaults((call) => (call === "mmap" && !isPossible ? errno.ENOMEM : undefined));
    channel.journalCame({ kind: "journal memory", name, descriptor: object.descriptor, sizeBytes: 8192 });
    injectFaults(undefined);
  };
  for (const isPossible of [false, false, true, false]) offer(isPossible);
  assert.deepEqual(
    answers,
    [false, false, true, false].map((isMapped) => ({ kind: "journal taken", isMapped })),
  );
  assert.equal(lines.length, 2);
});

test("image memory that cannot be mapped is reported: whoever waits for the image waits no longer", async (t) => {
  const name = `${ownPrefix(t)}modbus_image`;
  using object = SharedMemoryObject.createExclusive(name, 0o600)!;
  object.reserve(8192);
  const posted: unknown[] = [];
  const port = { postMessage: (message: unknown) => posted.push(message) } as unknown as MessagePort;
  const channel = new ImageChannel(name, port, recordingLog().log);
  t.after(() => channel.close());
  injectFaults((call) => (call === "mmap" ? errno.ENOMEM : undefined));
  t.after(() => injectFaults(undefined));
  const allocated = channel.allocate(8192);
  channel.answer({ kind: "image memory", descriptor: object.descriptor, sizeBytes: 8192 });
  let reason = "";
  await assert.rejects(allocated, (error: Error) => {
    reason = error.message;
    return true;
  });
  assert.match(reason, /ENOMEM from mmap/);
  assert.deepEqual(posted, [
    { kind: "image wanted", sizeBytes: 8192 },
    { kind: "image unmapped", reason },
  ]);
});
