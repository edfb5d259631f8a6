// Where every byte of a process image is. This is the only file that knows; docs/process-image.md shows the same drawing to people who
// write readers. Little-endian, every field on a multiple of its own size, all offsets from the start of the image.
//
//   +--------+---------+---------+---------+-------+--------+-----+-------+-----
//   | header | servers | groups  | points  | texts | server | ... | group | ...      a block for each server and each group
//   +--------+---------+---------+---------+-------+--------+-----+-------+-----
//    written once; magic and version last           written all the time
//
//   block:          | begun | published | counters | (groups: histograms) | bank 0 | bank 1 |
//   server's bank:  | connection, last failure, certificates |
//   group's bank:   | poll header | one record for each point | room for texts, byte strings and arrays |
//
// A group is what is published as a whole: the points of one server that are read at one rate.
//
// `published` counts publications and names the bank that holds the last complete one: bank (published & 1). The writer
// first stores begun = published + 1, fills the other bank, then stores published = begun. So a bank is never written
// while `published` names it, a reader that copied bank (p & 1) has a whole one if afterwards begun - p is 0 or 1
// (32-bit arithmetic, the counters wrap), and a writer killed at any instruction leaves the last complete bank in place.
// When an image is retired both counters of every block grow by two, in one store of 64 bits: the same bank stays the last one, and sleepers wake.
//
// `begun` must be visible before the first byte of the bank changes, and a reader must have read the last byte of its copy before it
// looks at `begun` again. An Atomics.store alone lets later plain writes overtake it on Arm, an Atomics.load lets earlier plain reads fall
// behind. A store followed by a load, both atomic, holds both back on every machine (`memory-fence.ts`).

import { i64, place, text, u32, u64, u8 } from "./byte-layout.ts";

/** "CPCIMAGE" in ASCII, read as two little-endian words. */
export const magicWords = [0x49435043, 0x4547414d] as const;
/** Readers accept any minor version of the major version they know. */
export const majorVersion = 2;
export const minorVersion = 3;
/** Entries of the point table have a `serverPosition` since this minor version. */
export const minorWithPositions = 1;
/** And an `enumeration` since this one. */
export const minorWithEnumerations = 2;
/** The header names the services of the partition since this one. */
export const minorWithServices = 3;
/** As a little-endian word; a machine of the other byte order reads 0x04030201. */
export const byteOrderMark = 0x01020304;

/** Values of `header.state`. */
export const ImageState = { live: 1, retired: 2 } as const;

/** Values of `serverState.connection` and `poll.connection`. */
export const ConnectionState = { waiting: 0, connecting: 1, connected: 2, lost: 3, stopped: 4 } as const;
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

/** Counters of the whole service, u64 each. `threads` is how many read its servers now; 0: the writer does not tell. */
export const serviceCounters = ["ticksMissed", "objectsRestored", "threads"] as const;
export type ServiceCounter = (typeof serviceCounters)[number];
/** Room for counters in the header and in every block. */
export const counterCount = 16;

export const header = place(
  {
    magic: u64, //             as two words
    version: u32, //           minor in the low, major in the high 16 bits
    byteOrder: u32, //         `byteOrderMark`
    headerBytes: u32, //       size of this header; the steps from one thing to the next follow, so that a minor version can append fields
    serverEntryBytes: u32,
    groupEntryBytes: u32,
    pointEntryBytes: u32,
    serverStateBytes: u32,
    pollBytes: u32, //         from the start of a group's bank to its first record
    recordBytes: u32,
    service: u32, //           1 OPC UA, 2 Modbus TCP
    imageBytes: u64,
    serverTable: u32, //       offset
    serverCount: u32,
    groupTable: u32, //        offset
    groupCount: u32,
    pointTable: u32, //        offset
    pointCount: u32,
    textTable: u32, //         offset
    textBytes: u32,
    generation: u32, //        grows by one with every new image of the same name
    pointsSince: u32, //       the generation since which every point has had its number
    state: u32, //             `ImageState`
    publications: u32, //      a futex word: grows by one at every publication of any block and when the image is retired
    pid: u32, //               for people; means nothing across containers
    intervalMs: u32, //        the service's interval
    startedNs: i64, //         wall clock
    heartbeatNs: i64, //       wall clock, stored at every tick and at least every 250 ms
    counters: counterCount * u64,
    ticks: u32, //             grows by one when the values of a tick are complete, and when a server comes or goes: a futex word
    services: u32, //          of the partition, a bit for each: 1 << (code - 1); 0: the writer does not tell
  },
  512,
);

/** One entry of the server table. Every text is followed by a NUL that its length does not count. */
export const serverEntry = place({
  alias: text,
  connectionKey: text,
  connectionDescription: text,
  firstGroup: u32, //          index in the group table
  groupCount: u32,
  block: u32, //               offset
  banks: u32, //               offset
  security: u32, //            0 not told, 1 insecure as configured, 2 secured
  reserved: u32,
});

/** One entry of the group table. */
export const groupEntry = place({
  name: text, //               "" for the only group of a server
  server: u32, //              index in the server table
  firstPoint: u32, //          index in the point table
  pointCount: u32,
  block: u32, //               offset
  banks: u32, //               offset
  bankBytes: u32,
  intervalMs: u32,
  acquisition: u32, //         0 polled, 1 subscribed to
});

/** One entry of the point table. */
export const pointEntry = place({
  key: text,
  description: text,
  unit: text,
  source: text, //             what the server knows it as: address, node id, display name; for people
  type: u32, //                as configured or learned; the record tells what the value really is
  group: u32, //               index in the group table
  capacityBytes: u32,
  room: u32, //                offset from the start of a bank to this point's room for long values
  serverPosition: u32, //      among all points of its server, in the order of the configuration: groups take them apart
  enumeration: text, //        "0=Stopped\n1=Running", "" for none; points of the same enumeration have the same text
});

/** Counters of one server, u64 each. */
export const serverCounters = [
  "connects",
  "failedConnectionFailed",
  "failedTimeout",
  "failedProtocolViolation",
  "failedSecurityRefused",
  "failedIdentityRefused",
  "failedServiceFault",
  "failedStopped",
] as const;
export type ServerCounter = (typeof serverCounters)[number];

/** Counters of one group, u64 each. */
export const groupCounters = ["polls", "overruns"] as const;
export type GroupCounter = (typeof groupCounters)[number];

/** Durations are counted in buckets of a quarter of an octave: bucket i holds durations from 2^(i/4) to 2^((i+1)/4) us. */
export const durationBuckets = 112;
/** What a group has a histogram of, in this order. */
export const histograms = ["pollDuration", "sourceToReceived", "receivedToPublished"] as const;
export type Histogram = (typeof histograms)[number];

/** The head of every block. The counters lie a cache line away from the words that readers watch. */
export const block = {
  ...place({ begun: u32, published: u32 /* a futex word: readers sleep on it */ }),
  counters: 64,
  bytes: 64 + counterCount * u64,
} as const;
/** Behind the head of a group's block: u32 for each bucket. */
export const histogramBytes = durationBuckets * u32;
export const groupBlockBytes = block.bytes + histograms.length * histogramBytes;

export const errorTextBytes = 448;

/** A server's bank: its connection, and what was last known of it. */
export const serverState = place(
  {
    connection: u32, //              `ConnectionState`
    errorBytes: u32, //              length of `error`
    changedNs: i64, //               wall clock of the last change of `connection`
    errorNs: i64, //                 wall clock of the last failure, 0 for none
    certificateEndsNs: i64, //       wall clock when the server's certificate expires, 0 for none
    ownCertificateEndsNs: i64, //    wall clock when the certificate that we show the server expires, 0 for none
    requestLimit: u32, //            the most that one request may ask for, as refusals have taught, 0 for no limit
    reserved: u32,
    error: errorTextBytes, //        UTF-8: the last failure; it stays when the server is connected again
  },
  512,
);

/** The head of a group's bank. */
export const poll = place(
  {
    connection: u32, //        `ConnectionState` when this was published
    reserved: u32,
    cycle: u64, //             polls of this group so far, or what the server sent by itself
    requestedNs: i64, //       wall clock when the poll began
    publishedNs: i64, //       wall clock
    lastGoodNs: i64, //        wall clock when the server answered a poll last, or sent by itself, 0 for never
    durationNs: i64, //        of that poll
    journalPosition: u64, //   every change up to this publication lies before it in the journal; 0 without a journal
  },
  128,
);

/** One point in a bank. */
export const record = place({
  value: u64, //               integers widened to 64 bits, Float as binary32, Double as binary64, Boolean 0 or 1;
  //                           a value in the room: u32 length in bytes (`nullLength` for null), u32 number of elements;
  //                           the null of a type that lies in the record is a null array: shape 1
  sourceNs: i64, //            the server's time of the value, 0 for none
  receivedNs: i64, //          our time when the response with the value or status came
  status: u32, //              OPC UA status code
  type: u8, //                 built-in type (OPC 10000-6, Table 1), 0 before the first value
  shape: u8, //                0 scalar, 1 array, n >= 2 matrix of n dimensions
});

/** What `record.shape` can say. */
export const mostDimensions = 0xff;

/** Length of a null text, byte string or array. */
export const nullLength = 0xffffffff;

/** Room of a point starts on a multiple of this, so that 64-bit elements are aligned. */
export const roomAlignment = 8;
/** A block and its banks start on cache lines. */
export const blockAlignment = 64;

/** The steps from one thing to the next behind the tables; a reader takes them from the header, so that a minor version can append fields. */
export interface BankStrides {
  readonly pollBytes: number;
  readonly recordBytes: number;
}
