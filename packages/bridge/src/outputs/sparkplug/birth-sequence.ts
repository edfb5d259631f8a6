// bdSeq: ties a death to its birth, so it is another one for each connection, also over restarts (Sparkplug 3.0, 5.6).

import { closeSync, constants, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Of one length: no digit of the last number is left. */
const fileBytes = 4;

/** The next number, written over the last one before it is used, so that a full disk cannot keep a bridge from connecting. A file that cannot be read begins anew; one that cannot be written is an error of the system. */
export function nextBirthSequence(folder: string): number {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const path = join(folder, "bdseq");
  const next = (lastIn(path) + 1) % 256;
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o600);
  try {
    writeSync(descriptor, `${next}\n`.padEnd(fileBytes, " "), 0);
    ftruncateSync(descriptor, fileBytes);
  } finally {
    closeSync(descriptor);
  }
  return next;
}

function lastIn(path: string): number {
  try {
    const last = Number(readFileSync(path, "utf8"));
    return Number.isInteger(last) && last >= 0 ? last : -1;
  } catch {
    return -1;
  }
}
