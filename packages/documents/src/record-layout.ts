// Where every byte of a documents record is: the small object `NAME_documents` in which the documents process of a service keeps its figures.
// Little-endian, every field on a multiple of its own size. It is for our own programs and may change with any version.
//
//   | header | one entry for each consumer |
//
// The record outlives its writer. `usedSemaphore` says which consumer's semaphore the writer was about to use: a consumer that cuts the
// semaphore's file ends the writer in that moment (SIGBUS), and the next writer finds here who it was.

import { i64, place, u32, u64 } from "@cpc-partition/image/byte-layout";
import { documentFigures } from "./document-figures.ts";

/** "CPCDOCS1" in ASCII, read as two little-endian words. */
export const magicWords = [0x44435043, 0x3153434f] as const;

/** Values of `header.state`. */
export const RecordState = { running: 1, ended: 2 } as const;

/** Room for figures in the header. */
const figureCount = 16;

export const header = place(
  {
    magic: u64, //          as two words, written last
    state: u32, //          `RecordState`; a writer that died leaves "running"
    pid: u32, //            for people
    consumers: u32,
    usedSemaphore: u32, //  1 + the number of the consumer whose semaphore is being used, 0 for none
    startedNs: i64, //      wall clock
    heartbeatNs: i64, //    wall clock, stored at least every second
    figures: figureCount * u64, // `documentFigures`, in their order
  },
  256,
);

/** Longest name of a semaphore, as NAME_MAX allows. */
export const nameBytes = 256;

export const consumer = place({
  deaths: u32, //           of writers that were using its semaphore
  isUnguarded: u32, //      1: its document is written without the guard
  lastDeathNs: i64, //      wall clock
  nameLength: u32,
  name: nameBytes, //       of the semaphore, UTF-8
});

export function figureOffset(index: number): number {
  if (index < 0 || index >= Math.min(figureCount, documentFigures.length)) throw new RangeError(`no figure ${index}`);
  return header.figures + index * u64;
}
