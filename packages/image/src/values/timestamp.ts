// Wall-clock instants with nanoseconds, without a BigInt per point and cycle.
//
// An instant is two numbers: whole milliseconds since 1970-01-01 UTC (as Date.now() gives them) and the nanoseconds
// (0 to 999 999) past that millisecond. Both are exact in a double; the image stores their sum as a 64-bit integer.

export interface Timestamp {
  readonly unixMs: number;
  readonly subMsNs: number;
}
