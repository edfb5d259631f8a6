// Instants as the image stores them, 64-bit nanoseconds in two 32-bit words, without a BigInt for each point and poll.

const highWord = 0x1_0000_0000;

/** Writes the low and the high word of an instant's nanoseconds since 1970-01-01 UTC at a word index. */
export function writeInstant(words: Uint32Array, at: number, unixMs: number, subMsNs: number): void {
  const coarse = Math.floor(unixMs / 65536);
  const coarseNs = coarse * 1e6; // in units of 65536 ns, exact below 2^53
  const fineNs = (unixMs - coarse * 65536) * 1e6 + subMsNs;
  const upper = Math.floor(coarseNs / 65536);
  const low = (coarseNs - upper * 65536) * 65536 + fineNs;
  const carry = Math.floor(low / highWord);
  words[at] = low - carry * highWord;
  words[at + 1] = upper + carry;
}

/** From the instant at word index `from` to the one at `to`, in microseconds. */
export function microsecondsBetween(words: Uint32Array, from: number, to: number): number {
  const low = (words[to] ?? 0) - (words[from] ?? 0);
  const high = ((words[to + 1] ?? 0) | 0) - ((words[from + 1] ?? 0) | 0);
  return (high * highWord + low) / 1000;
}
