// The numbers by which the messages of one subscription name its items: one after the other, from a random one on. A server that was restarted gives
// the id of a subscription to somebody else, and then a message shows it: its handles are none of these. Pure.

import { randomInt } from "node:crypto";

/** UInt32. */
const largest = 0xffff_ffff;

export class ClientHandles {
  readonly first: number;
  readonly count: number;

  constructor(first: number, count: number) {
    this.first = first;
    this.count = count;
  }

  /** `random`: a whole number of at least 0 and less than what is given. */
  static random(count: number, random: (below: number) => number = randomInt): ClientHandles {
    return new ClientHandles(random(largest - count), count);
  }

  handleOf(item: number): number {
    return this.first + item;
  }

  /** Undefined: none of ours. */
  itemOf(handle: number): number | undefined {
    const item = handle - this.first;
    return item >= 0 && item < this.count ? item : undefined;
  }
}
