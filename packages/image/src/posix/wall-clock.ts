// The wall clock with the resolution that the image claims: clock_gettime(2), CLOCK_REALTIME. JavaScript's own counts milliseconds.

import { libc } from "./libc.ts";

const CLOCK_REALTIME = 0;
/** struct timespec of 64-bit machines: seconds and nanoseconds. */
const time = new BigInt64Array(2);
const parts = new Uint32Array(time.buffer);

/** Fills `words` with the low and the high half of the nanoseconds since 1970-01-01 UTC, without making an object. */
export function readWallClock(words: Uint32Array): void {
  if (libc.clock_gettime(CLOCK_REALTIME, time) < 0) {
    // Cannot happen with this clock; a filter of system calls may still forbid it.
    time[0] = BigInt(Math.floor(Date.now() / 1000));
    time[1] = BigInt((Date.now() % 1000) * 1e6);
  }
  // seconds * 10^9 + nanoseconds in two halves: the seconds are below 2^34 for centuries, so every product is exact.
  const seconds = (parts[0] ?? 0) + (parts[1] ?? 0) * 0x1_0000_0000;
  const upper = Math.floor(seconds / 65_536) * 1e9; // in units of 65536 ns
  const lower = (seconds % 65_536) * 1e9 + (parts[2] ?? 0);
  const middle = upper + Math.floor(lower / 65_536);
  const high = Math.floor(middle / 65_536);
  words[0] = (middle - high * 65_536) * 65_536 + (lower % 65_536);
  words[1] = high;
}

/** Nanoseconds since 1970-01-01 UTC. */
export function wallClockNs(): bigint {
  const words = new Uint32Array(2);
  readWallClock(words);
  return (BigInt(words[1] ?? 0) << 32n) | BigInt(words[0] ?? 0);
}
