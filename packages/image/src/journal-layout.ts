// Where every byte of a journal is: a ring of changes with one writer, beside each process image. docs/process-image.md shows the same
// drawing. Little-endian; positions count bytes since the first record ever written and never wrap (64 bits).
//
//   +--------+-------------------------------------------------------------+
//   | header | ring of `ringBytes`: record, record, record, ...            |
//   +--------+-------------------------------------------------------------+
//
// A record at position p lies at headerBytes + p mod ringBytes and never runs past the end of the ring: what is left there is a record
// of the kind `padding`.
//
// The writer stores reserved = the end of what it may be overwriting, fills records, then stores written = the end of the last whole
// one. So a reader that has copied a record at p has a whole one if afterwards reserved - p <= ringBytes: the writer's hand was not there yet.
// One that finds reserved - p > ringBytes was overrun, knows from the numbers of records how many it lost, and goes on at the oldest record that
// is still whole: `marks` has for each stretch of the ring the position of the first record that begins in it.

import { i64, place, u32, u64, u8 } from "./byte-layout.ts";

/** "CPCJOURN" in ASCII, read as two little-endian words. */
export const journalMagicWords = [0x4a435043, 0x4e52554f] as const;
export const journalMajorVersion = 1;
export const journalMinorVersion = 0;

/** The ring is marked in so many stretches of equal length. */
export const markCount = 64;

export const journalHeader = place(
  {
    magic: u64, //             as two words
    version: u32, //           minor in the low, major in the high 16 bits
    byteOrder: u32, //         `byteOrderMark` of the image
    headerBytes: u32, //       where the ring begins
    service: u32, //           1 OPC UA, 2 Modbus TCP
    ringBytes: u64, //         a multiple of 64 x 64
    startedNs: i64, //         as in the images of the same run of the writer
    firstPosition: u64, //     nothing lies before it; a multiple of `ringBytes`
    written: u64, //           position behind the last whole record
    reserved: u64, //          position up to which the writer may be overwriting
    lastRecord: u64, //        position of the last whole record, 2^64 - 1 for none
    marks: markCount * u64,
  },
  1024,
);

/** `lastRecord` where there is none. */
export const noRecord = 0xffff_ffff_ffff_ffffn;

/** Values of `journalRecord.kind`. */
export const RecordKind = { padding: 0, change: 1 } as const;

export const journalRecord = place({
  lengthBytes: u32, //         of the whole record, a multiple of 8
  kind: u8, //                 `RecordKind`
  type: u8, //                 built-in type of the value
  shape: u8, //                as in the image
  reserved: u8,
  sequence: u64, //            number of the record
  point: u32, //               number in the point table
  group: u32, //               number in the group table
  generation: u32, //          of the image in which these are the numbers
  status: u32,
  sourceNs: i64,
  receivedNs: i64,
  publishedNs: i64, //         of the publication that shows the change: sorts and filters changes, also those without an answer of their own
  value: u64, //               as in the image's record; a long value follows it, `length` bytes, padded with zeros to a multiple of 8
});
