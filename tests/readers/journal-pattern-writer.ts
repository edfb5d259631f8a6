// A writer of a journal in a process of its own: says "ready", and appends so many changes as fast as it can when it is told to. Each change can
// be judged by itself: its point is its number (32 bits), and so is each word of its byte string, whose length follows from the number, too.

import { once } from "node:events";
import { JournalWriter } from "../../packages/image/src/journal-writer.ts";
import { journalHeader } from "../../packages/image/src/journal-layout.ts";
import { record } from "../../packages/image/src/layout.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";

const [name = "", ringBytes = "", count = ""] = process.argv.slice(2);
const sizeBytes = journalHeader.bytes + Number(ringBytes);
const object = SharedMemoryObject.createExclusive(name, 0o640);
if (object === undefined) throw new TypeError(`${name} exists`);
object.reserve(sizeBytes);
const journal = new JournalWriter(object.map("read-write", sizeBytes).buffer, "modbus", 1n);
journal.begin(0, 1, 0, 0);
process.once("disconnect", () => process.exit()); // whoever should have killed it is gone
process.send?.("ready");
await once(process, "message");

/** Words of the longest byte string; number % 8 of them belong to a change. */
const mostWords = 8;
const source = new Uint32Array(record.bytes / 4 + mostWords);
source[record.type / 4] = BuiltInType.ByteString;
for (let number = 0; number < Number(count); number++) {
  const words = number % mostWords;
  source[record.value / 4] = 4 * words;
  source[record.value / 4 + 1] = 1;
  source.fill(number, record.bytes / 4, record.bytes / 4 + words);
  journal.append(number, source, 0, record.bytes, 4 * words);
  if (number % 16 === 15) journal.commit();
}
journal.commit();
