// The other process of the tests in this folder: first parameter what to do, second the name.

import { truncateSync, writeFileSync } from "node:fs";
import { waitOnWord } from "../../../packages/image/src/posix/futex.ts";
import { libc } from "../../../packages/image/src/posix/libc.ts";
import { SharedMemoryObject } from "../../../packages/image/src/posix/shared-memory-object.ts";
import { AnotherWriterError, becomeSingleWriter } from "../../../packages/image/src/posix/single-writer.ts";
import type { SingleWriter } from "../../../packages/image/src/posix/single-writer.ts";

const [task, name = ""] = process.argv.slice(2);
const say = (message: unknown): boolean => process.send?.(message) === true;

if (task === "write") {
  const { object } = becomeSingleWriter(name, 4096, 0o660);
  object.writeAt(new TextEncoder().encode("from the other process"), 0);
  say("ready");
  process.on("message", () => object.close());
} else if (task === "race") {
  let writer: SingleWriter | undefined;
  process.on("message", (command) => {
    if (command === "start") {
      try {
        writer = becomeSingleWriter(name, 4096, 0o660);
        say("won");
      } catch (error) {
        say(error instanceof AnotherWriterError ? error.code : String(error));
      }
    } else {
      if (command === "unlink") writer?.object.unlink();
      writer?.object.close();
      writer = undefined;
      say("stopped");
    }
  });
  say("ready");
} else if (task === "sleep") {
  const object = SharedMemoryObject.openExisting(name, "read-only");
  if (object === undefined) throw new TypeError(`no ${name}`);
  const mapping = object.map("read-only");
  say("ready");
  say(waitOnWord(mapping, 8, 5, 60_000));
  process.disconnect();
} else if (task === "touch a cut semaphore") {
  const semaphore = libc.sem_open(`/${name}`, 0);
  truncateSync(`/dev/shm/sem.${name}`, 0);
  if (typeof semaphore === "bigint") libc.sem_trywait(semaphore);
  process.disconnect();
} else if (task === "touch a semaphore full of garbage") {
  const semaphore = libc.sem_open(`/${name}`, 0);
  // A permit, waiters, and what tells semaphores of one process from those of several neither one nor the other.
  writeFileSync(`/dev/shm/sem.${name}`, Buffer.alloc(32, 1), { flag: "r+" });
  if (typeof semaphore === "bigint") libc.sem_post(semaphore);
  process.disconnect();
}
