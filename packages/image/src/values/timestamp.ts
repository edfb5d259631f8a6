// Wall-clock instants with nanoseconds, without a BigInt per point and cycle.
//
// An instant is two numbers: whole milliseconds since 1970-01-01 UTC (as Date.now() gives them) and the nanoseconds
// (0 to 999 999) past that millisecond. Both are exact in a double; the image stores their sum as a 64-bit integer.

export interface Timestamp {
  readonly unixMs: number;
  readonly subMsNs: number;
}

/** The 64-bit integer of the image: nanoseconds since 1970-01-01 UTC. */
export function unixNs(timestamp: Timestamp): bigint {
  return BigInt(timestamp.unixMs) * 1_000_000n + BigInt(timestamp.subMsNs);
}

/** Wall clock, now. */
export function wallClockNow(): Timestamp {
  return { unixMs: Date.now(), subMsNs: 0 };
}
