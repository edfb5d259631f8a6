// Instants as the image stores them, 64-bit nanoseconds in two 32-bit words, without a BigInt for each point and poll.

import type { Timestamp } from "./values/timestamp.ts";

const highWord = 0x1_0000_0000;

/** The low and the high word of an instant's nanoseconds since 1970-01-01 UTC. */
export function wordsOf(timestamp: Timestamp): readonly [low: number, high: number] {
  const coarse = Math.floor(timestamp.unixMs / 65536);
  const coarseNs = coarse * 1e6; // in units of 65536 ns, exact below 2^53
  const fineNs = (timestamp.unixMs - coarse * 65536) * 1e6 + timestamp.subMsNs;
  const upper = Math.floor(coarseNs / 65536);
  const low = (coarseNs - upper * 65536) * 65536 + fineNs;
  const carry = Math.floor(low / highWord);
  return [low - carry * highWord, (upper + carry) >>> 0];
}

/** From the instant at word index `from` to the one at `to`, in microseconds. */
export function microsecondsBetween(words: Uint32Array, from: number, to: number): number {
  const low = (words[to] ?? 0) - (words[from] ?? 0);
  const high = ((words[to + 1] ?? 0) | 0) - ((words[from + 1] ?? 0) | 0);
  return (high * highWord + low) / 1000;
}
