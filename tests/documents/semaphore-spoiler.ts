// A consumer gone bad: holds a semaphore by overwriting its file with zeros, and cuts the file every now and then, with the rights that every
// consumer has. Whoever tries to take the semaphore at that moment is ended by SIGBUS.

import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";

const [path = ""] = process.argv.slice(2);
const zeros = new Uint8Array(32);
/** The semaphore looks like one for so long: only who tries to take it is in danger. */
const wholeMs = 0.3;
const burstMs = 5;

process.once("disconnect", () => process.exit(0));
setInterval(() => {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r+"); // who looks after the semaphores may have made a new one
  } catch {
    return;
  }
  const endMs = performance.now() + burstMs;
  for (let nowMs = performance.now(); nowMs < endMs; nowMs = performance.now()) {
    ftruncateSync(descriptor, 0);
    writeSync(descriptor, zeros, 0, zeros.length, 0);
    while (performance.now() - nowMs < wholeMs);
  }
  closeSync(descriptor);
}, 1);
