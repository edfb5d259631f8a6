// Where every byte of a process image is. This is the only file that knows a number; docs/process-image.md shows the same drawing
// to people who write readers. Little-endian, every field on a multiple of its own size, all offsets from the start of the image.
//
//   +--------+-------------+-------------+-------+---------+---------+-----
//   | header | server      | point       | texts | block 0 | block 1 | ...       one block for each server
//   |        | table       | table       |       |         |         |
//   +--------+-------------+-------------+-------+---------+---------+-----
//    written once; magic and version last          written at every poll
//
//   block:  | begun | published | counters ... | bank 0 | bank 1 |
//   bank:   | poll header | one record for each point | room for texts, byte strings and arrays |
//
// `published` counts publications and names the bank that holds the last complete one: bank (published & 1). The writer
// first stores begun = published + 1, fills the other bank, then stores published = begun. So a bank is never written
// while `published` names it, a reader that copied bank (p & 1) has a whole poll if afterwards begun - p is 0 or 1
// (32-bit arithmetic, the counters wrap), and a writer killed at any instruction leaves the last complete bank in place.
// When an image is retired both counters of every block grow by two, in one store of 64 bits: the same bank stays the last one, and sleepers wake.
//
// `begun` must be visible before the first byte of the bank changes, and a reader must have read the last byte of its copy before it
// looks at `begun` again. An Atomics.store alone lets later plain writes overtake it on Arm, an Atomics.load lets earlier plain reads fall
// behind. A store followed by a load, both atomic, holds both back on every machine (`memory-fence.ts`).

/** "CPCIMAGE" in ASCII, read as two little-endian words. */
export const magicWords = [0x49435043, 0x4547414d] as const;
/** Readers accept any minor version of the major version they know. */
export const majorVersion = 1;
export const minorVersion = 2;

/** Values of `header.state`. */
export const ImageState = { live: 1, retired: 2 } as const;

/** Values of `poll.connection`. */
export const ConnectionState = { waiting: 0, connecting: 1, connected: 2, lost: 3, stopped: 4 } as const;
export type ConnectionState = (typeof ConnectionState)[keyof typeof ConnectionState];

export const header = {
  magic: 0, //             2 x u32
  version: 8, //           u16 minor, u16 major
  headerBytes: 12, //      u32
  imageBytes: 16, //       u32
  serverCount: 20, //      u32
  serverTable: 24, //      u32 offset
  pointCount: 28, //       u32
  pointTable: 32, //       u32 offset
  textTable: 36, //        u32 offset
  textBytes: 40, //        u32
  service: 44, //          u32, 1 OPC UA, 2 Modbus TCP
  generation: 48, //       u32, grows by one with every new image of the same name
  state: 52, //            u32, `ImageState`
  pid: 56, //              u32, for people; means nothing across containers
  intervalMs: 60, //       u32, the service's publish interval
  startedNs: 64, //        i64, wall clock
  heartbeatNs: 72, //      i64, wall clock, stored at every tick of the publish clock
  counters: 80, //         8 x u64, counters of the service, see `ServiceCounter`
  serverEntryBytes: 144, //  u32, from here on the sizes of what follows: a reader steps with these, so that a minor
  pointEntryBytes: 148, //   u32  version can append fields
  banksOffset: 152, //       u32, from the start of a block to its first bank
  pollBytes: 156, //         u32
  recordBytes: 160, //       u32
  publications: 164, //      u32, a futex word: grows by one at every publication of any server and when the image is retired
  bytes: 192,
} as const;

/** Counters of the whole service, u64 each. */
export const serviceCounters = [
  "documents",
  "documentBytes",
  "documentCapacityBytes",
  "documentEntriesMissing",
  "guardTimeouts",
  "guardSeizures",
  "ticksMissed",
  "objectsRestored",
] as const;
export type ServiceCounter = (typeof serviceCounters)[number];

/** One entry of the server table. A text is (u32 offset, u32 bytes); every text is followed by a NUL that is not counted. */
export const serverEntry = {
  alias: 0,
  connectionKey: 8,
  connectionDescription: 16,
  firstPoint: 24, //       u32, index in the point table
  pointCount: 28, //       u32
  block: 32, //            u32 offset
  bankBytes: 36, //        u32
  intervalMs: 40, //       u32, this server's poll interval
  security: 44, //         u32, 0 not told, 1 insecure as configured, 2 secured (since version 1.1)
  bytes: 48,
} as const;

/** One entry of the point table. */
export const pointEntry = {
  key: 0,
  description: 8,
  unit: 16,
  type: 24, //             u32, as configured or learned; the record tells what the value really is
  capacityBytes: 28, //    u32
  room: 32, //             u32 offset from the start of a bank to this point's room for long values
  server: 36, //           u32, index in the server table
  bytes: 40,
} as const;

/** Counters of one server, u64 each; `requestLimit` is no count but the limit that the server's refusals have taught, 0 for none. */
export const serverCounters = [
  "polls",
  "connects",
  "overruns",
  "failedConnectionFailed",
  "failedTimeout",
  "failedProtocolViolation",
  "failedSecurityRefused",
  "failedIdentityRefused",
  "failedServiceFault",
  "failedStopped",
  "requestLimit",
] as const;
export type ServerCounter = (typeof serverCounters)[number];

/** Poll durations are counted in buckets of a quarter of an octave: bucket i holds durations from 2^(i/4) to 2^((i+1)/4) us. */
export const durationBuckets = 112;

export const block = {
  begun: 0, //             u32
  published: 4, //         u32, a futex word: readers sleep on it
  counters: 64, //         u64 each, a cache line away from the words that readers watch
  durations: 64 + 8 * 16, //     u32 for each bucket
  banks: 64 + 8 * 16 + 4 * durationBuckets,
} as const;

/** The head of a bank: the state of the source when this poll was published. */
export const poll = {
  connection: 0, //        u32, ConnectionState
  errorBytes: 4, //        u32, length of `error`
  cycle: 8, //             u64, polls of this server so far
  publishedNs: 16, //      i64, wall clock
  lastGoodNs: 24, //       i64, wall clock of the last poll that the server answered, 0 for none
  durationNs: 32, //       i64, of this poll
  certificateEndsNs: 40, // i64, wall clock when the server's certificate expires, 0 for none
  errorNs: 48, //          i64, wall clock of the last failure, 0 for none
  ownCertificateEndsNs: 56, //  i64, wall clock when the certificate that we show the server expires, 0 for none (since version 1.1)
  error: 64, //            448 bytes of UTF-8: the last failure; it stays when the server is connected again
  bytes: 512,
} as const;
export const errorTextBytes = poll.bytes - poll.error;

/** One point in a bank. */
export const record = {
  value: 0, //             8 bytes: integers widened to 64 bits, Float as binary32, Double as binary64, Boolean 0 or 1;
  //                       a value in the room: u32 length in bytes (`nullLength` for null), u32 number of elements;
  //                       the null of a type that lies in the record is a null array: shape 1
  sourceNs: 8, //          i64, the server's time of the value, 0 for none
  receivedNs: 16, //       i64, our time when the value or status came
  status: 24, //           u32, OPC UA status code
  type: 28, //             u8, built-in type (OPC 10000-6, Table 1), 0 before the first value
  shape: 29, //            u8: 0 scalar, 1 array, n >= 2 matrix of n dimensions
  bytes: 32,
} as const;

/** What `record.shape` can say. */
export const mostDimensions = 0xff;

/** Length of a null text, byte string or array. */
export const nullLength = 0xffffffff;

/** Room of a point starts on a multiple of this, so that 64-bit elements are aligned. */
export const roomAlignment = 8;
/** A block and its banks start on cache lines. */
export const blockAlignment = 64;

export function alignUp(offset: number, alignment: number): number {
  return Math.ceil(offset / alignment) * alignment;
}

/** The steps from one thing to the next behind the tables; a reader takes them from the header, so that a minor version can append fields. */
export interface BankStrides {
  readonly banksOffset: number;
  readonly pollBytes: number;
  readonly recordBytes: number;
}
export const ownStrides: BankStrides = {
  banksOffset: block.banks,
  pollBytes: poll.bytes,
  recordBytes: record.bytes,
};
