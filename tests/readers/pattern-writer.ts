// A writer in a process of its own that loads, says "loaded", and begins when it is told to: publishes the pattern as fast as it can,
// with every poll another round, until it is killed. Says "ready" after the first poll.
//
// With a fourth argument it writes a journal of that name, too, in the place of the one that a writer before left. With "silent" it wakes nobody: the two system calls after each publication would give readers time to finish their copies.

import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { numbersServer } from "./every-type.ts";
import { TestWriter } from "./test-writer.ts";
import { setPattern } from "./torn-pattern.ts";

const journalBytes = 2 ** 20;
const [name = "", points = "", mode = "", journalName] = process.argv.slice(2);
const went = once(process, "message");
process.send?.("loaded");
await went;
const writer = new TestWriter([numbersServer("pattern", Number(points))], name);
if (mode === "silent") writer.image.memory.wake = () => {};
if (journalName !== undefined) startJournal(journalName);
let round = 0;
const publish = (): void => writer.publish(0, (block) => setPattern(block, ++round));
publish();
process.send?.("ready");
process.once("disconnect", () => process.exit()); // whoever should have killed it is gone
for (;;) {
  for (let n = 0; n < 5000; n++) publish();
  writer.image.beat();
  await setImmediate();
}

function startJournal(journal: string): void {
  SharedMemoryObject.remove(journal);
  const object = SharedMemoryObject.createExclusive(journal, 0o640);
  if (object === undefined) throw new TypeError(`${journal} exists`);
  object.reserve(journalBytes);
  writer.image.startJournal(object.map("read-write", journalBytes).buffer);
}
