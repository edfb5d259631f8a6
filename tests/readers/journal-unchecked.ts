// What a reader of a journal sees that does not look at what the writer has reserved: the first record of the ring, copied again and again.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { journalHeader, journalRecord } from "../../packages/image/src/journal-layout.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { uniqueName } from "./test-writer.ts";

const entry = fileURLToPath(new URL("journal-pattern-writer.ts", import.meta.url));
const leastCopies = 200_000;

/** Until some are torn; never, if the writer never is where it reads. */
export async function readUnchecked(ringBytes: number): Promise<{ readonly whole: number; readonly torn: number }> {
  const name = uniqueName().replace(/image$/, "journal");
  const writer = fork(entry, [name, String(ringBytes), String(1e12)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  try {
    await once(writer, "message");
    using object = SharedMemoryObject.openExisting(name, "read-only");
    if (object === undefined) throw new TypeError(`there is no ${name}`);
    using mapping = object.map("read-only");
    writer.send("go");
    const longest = journalRecord.bytes + 4 * 7;
    const ring = Buffer.from(mapping.buffer, journalHeader.bytes, longest);
    let [whole, torn] = [0, 0];
    while (torn === 0 || whole + torn < leastCopies) {
      const copy = Buffer.from(ring);
      if (copy.readUInt32LE(journalRecord.lengthBytes) === 0) continue; // not yet
      if (isWhole(copy)) whole++;
      else torn++;
    }
    return { whole, torn };
  } finally {
    writer.kill("SIGKILL");
    SharedMemoryObject.remove(name);
  }
}

/** The pattern of journal-pattern-writer.ts. */
function isWhole(copy: Buffer): boolean {
  const number = copy.readUInt32LE(journalRecord.sequence);
  const bytes = 4 * (number % 8);
  if (copy.readUInt32LE(journalRecord.point) !== number) return false;
  if (copy.readUInt32LE(journalRecord.value) !== bytes) return false;
  for (let at = 0; at < bytes; at += 4) if (copy.readUInt32LE(journalRecord.bytes + at) !== number) return false;
  return true;
}
