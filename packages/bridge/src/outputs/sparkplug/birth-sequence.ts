// bdSeq: ties a death to its birth, so it is another one for each connection, also over restarts (Sparkplug 3.0, 5.6).

import { closeSync, constants, ftruncateSync, mkdirSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { openRegularFile } from "@cpc-partition/process/bounded-file";

/** Of one length: no digit of the last number is left. */
const fileBytes = 4;

/** The next number, written over the last one before it is used, so that a full disk cannot keep a bridge from connecting. One without a number begins anew; one that cannot be used is an error of the system, or an UnsuitableFileError. */
export function nextBirthSequence(folder: string): number {
  mkdirSync(folder, { recursive: true, mode: 0o750 });
  const path = join(folder, "bdseq");
  const descriptor = openRegularFile(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    const next = (lastIn(descriptor) + 1) % 256;
    writeSync(descriptor, `${next}\n`.padEnd(fileBytes, " "), 0);
    ftruncateSync(descriptor, fileBytes);
    return next;
  } finally {
    closeSync(descriptor);
  }
}

function lastIn(descriptor: number): number {
  const bytes = Buffer.alloc(fileBytes);
  const text = bytes.toString("latin1", 0, readSync(descriptor, bytes, 0, fileBytes, 0));
  return /^\d+\s/.test(text) ? Number(text) : -1;
}
