// Engines refuse large messages, and some end the connection then: what waits behind one would never be delivered. So changes are divided by
// bytes, and a value that no message can hold is published as bad.

import { StatusCode } from "@cpc-partition/image/values/status-code";
import type { Log } from "@cpc-partition/process/log";
import type { PointChange } from "../observation/observed-change.ts";

export class MessageLimit {
  readonly mostBytes: number;
  readonly #remedy: string;
  readonly #log: Log;
  /** Keys of points that the log knows. */
  readonly #logged = new Set<string>();

  /** `remedy`: what else to do than to leave out the point. */
  constructor(mostBytes: number, remedy: string, log: Log) {
    this.mostBytes = mostBytes;
    this.#remedy = remedy;
    this.#log = log;
  }

  /** What stands for a change whose value is too large: no value, and a bad status that says why. */
  withoutValue(change: PointChange): PointChange {
    const { service, server, key } = change.point;
    const point = `${service} ${server}/${key}`;
    if (!this.#logged.has(point))
      this.#log(
        "error",
        `cannot publish values of ${point} because a message can have ${this.mostBytes} bytes at most; they are published as bad (BadEncodingLimitsExceeded); ${this.#remedy}, or leave out the point with points.exclude`,
      );
    this.#logged.add(point);
    return { ...change, value: null, status: StatusCode.BadEncodingLimitsExceeded };
  }

  /** The text of a change, without its value where that is too large. */
  textOf(change: PointChange, textOf: (change: PointChange) => string): string {
    const text = textOf(change);
    return text.length * mostBytesPerUnit <= this.mostBytes || Buffer.byteLength(text) <= this.mostBytes
      ? text
      : textOf(this.withoutValue(change));
  }

  /** In order, as many in each part as fit, at least one. */
  *parts<Item>(items: readonly Item[], bytesOf: (item: Item) => number): Generator<readonly Item[]> {
    let begin = 0;
    let bytes = 0;
    for (const [index, item] of items.entries()) {
      const more = bytesOf(item);
      if (index > begin && bytes + more > this.mostBytes) {
        yield items.slice(begin, index);
        begin = index;
        bytes = 0;
      }
      bytes += more;
    }
    if (begin < items.length) yield items.slice(begin);
  }
}

/** Of UTF-8 for each unit of UTF-16. */
const mostBytesPerUnit = 3;
