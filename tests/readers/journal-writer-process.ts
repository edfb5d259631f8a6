// A writer of a journal in a process of its own, to be killed: appends numbers as fast as it can, the value of each change is its number.
// It says "ready" when some have their place, and stops for good after `most` of them.

import { setImmediate } from "node:timers/promises";
import { JournalWriter } from "../../packages/image/src/journal-writer.ts";
import { journalHeader } from "../../packages/image/src/journal-layout.ts";
import { record } from "../../packages/image/src/layout.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";

const [name = "", ringBytes = "", most = ""] = process.argv.slice(2);
const sizeBytes = journalHeader.bytes + Number(ringBytes);
const object = SharedMemoryObject.createExclusive(`${name}.next`, 0o640);
if (object === undefined) throw new TypeError(`${name}.next exists`);
object.reserve(sizeBytes);
const journal = new JournalWriter(object.map("read-write", sizeBytes).buffer, "modbus", 1n);
journal.begin(0, 1, 0, 0);
object.rename(name);
process.once("disconnect", () => process.exit()); // whoever should have killed it is gone

const source = new Uint32Array(record.bytes / 4);
const value = new Float64Array(source.buffer, record.value, 1);
source[record.type / 4] = BuiltInType.Double;
for (let number = 0; ; number++) {
  if (number < Number(most)) {
    value[0] = number;
    journal.append(0, source, 0, 0, 0);
    if (number % 10 === 9) journal.commit();
  }
  if (number === 999) process.send?.("ready");
  if (number % 5000 === 4999) await setImmediate();
}
