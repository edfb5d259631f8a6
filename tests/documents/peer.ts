// The other process of the tests in this folder: a consumer or a rival that behaves as the first parameter says.

import { NamedSemaphore } from "../../packages/image/src/posix/named-semaphore.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { ConsumerPair, openConsumerPair } from "../../packages/documents/src/consumer-pair.ts";
import type { ConsumerPairNames } from "../../packages/documents/src/consumer-names.ts";
import { publishGuarded } from "../../packages/documents/src/publish-guarded.ts";

const [task, segmentName = "", semaphoreName = "", snapshots = "0"] = process.argv.slice(2);
const names: ConsumerPairNames = { consumer: "", segmentName, semaphoreName };
const say = (message: unknown): boolean => process.send?.(message) === true;

function openSemaphore(): NamedSemaphore {
  const semaphore = NamedSemaphore.openExisting(semaphoreName);
  if (semaphore === undefined) throw new TypeError(`no ${semaphoreName}`);
  return semaphore;
}

function take(semaphore: NamedSemaphore): void {
  while (!semaphore.tryWait());
}

/** True when the bytes of the copy are not all the same: then it is of two publications. */
function isMixed(copy: Buffer): boolean {
  return copy.compare(copy, 1, copy.length, 0, copy.length - 1) !== 0;
}

/** Takes the given number of snapshots under the guard, or looks for one mixed snapshot without it. */
function read(usesGuard: boolean): void {
  const semaphore = openSemaphore();
  const object = SharedMemoryObject.openExisting(segmentName, "read-only");
  if (object === undefined) throw new TypeError(`no ${segmentName}`);
  const bytes = new Uint8Array(object.map("read-only").buffer);
  const copy = Buffer.alloc(bytes.length);
  const publications = new Set<number>();
  let mixed = 0;
  for (let count = 0; usesGuard ? count < Number(snapshots) || publications.size < 3 : mixed === 0; count++) {
    if (usesGuard) take(semaphore);
    copy.set(bytes);
    if (usesGuard) semaphore.post();
    publications.add(copy[0] ?? 0);
    if (isMixed(copy)) mixed++;
  }
  say({ mixed });
  process.disconnect();
}

if (task === "hold") {
  take(openSemaphore());
  say("held");
  process.on("message", () => process.exit());
} else if (task === "write") {
  const pair = ConsumerPair.create(names, 10_240);
  const { segment, guard } = openConsumerPair(pair.handle());
  say((await publishGuarded(segment, guard, new TextEncoder().encode("before the kill"))).kind);
  process.on("message", () => pair.close());
} else if (task === "read guarded") {
  read(true);
} else if (task === "read unguarded") {
  read(false);
}
