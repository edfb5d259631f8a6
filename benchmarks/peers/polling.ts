// What a benchmark's clients in JavaScript share: says {"ready": true, "version": ...}, makes as many polls as each line of standard input says, one after the
// other, and answers {"sum": S}, the sum of the values of the last one. Polls are timed from outside.

import { createInterface } from "node:readline";

export async function answerPolls(poll: () => Promise<void>, sum: () => number, version?: string): Promise<void> {
  process.stdout.write(`${JSON.stringify({ ready: true, version })}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    for (let left = Number(line); left > 0; left--) await poll();
    process.stdout.write(`${JSON.stringify({ sum: sum() })}\n`);
  }
}

/** The first addresses and the lengths of the requests that the protocol allows for `count` registers. */
export function blocksOf(count: number): readonly (readonly [first: number, length: number])[] {
  const most = 125;
  return Array.from({ length: Math.ceil(count / most) }, (_, index) => [
    index * most,
    Math.min(most, count - index * most),
  ]);
}
