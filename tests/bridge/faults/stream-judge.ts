// Judges what a stream has of a changing plant: which changes are missing, which came twice, how late they came.

import type { Arrived } from "../outputs/jetstream/stream-reader.ts";

interface ValueMessage {
  readonly value: number | null;
  readonly time: string;
  readonly historical?: boolean;
  readonly possibleRepeat?: boolean;
}

export class StreamJudge {
  /** By number: after an hour's outage live changes come far ahead of the first that waited, and a sparse array would be a hash table. */
  #counts = new Uint8Array(2 ** 20);
  /** Of live changes, from the plant to the stream, in milliseconds: tens of millions of them after an hour. */
  readonly lags: number[] = [];
  historical = 0;
  /** When the stream stored the first and the last change of the history. */
  historyMs: { readonly first: number; readonly last: number } | undefined;
  repeated = 0;
  unmarkedRepeats = 0;

  take(messages: readonly Arrived[]): void {
    for (const { subject, json, storedMs, isCurrentValue } of messages) {
      if (!/\.(?:live|history)\./.test(subject) || isCurrentValue) continue;
      for (const change of [json].flat() as readonly ValueMessage[]) this.#takeOne(change, storedMs);
    }
  }

  #takeOne({ value, time, historical = false, possibleRepeat = false }: ValueMessage, storedMs: number): void {
    if (value === null) return;
    const count = this.#count(value);
    if (count > 1) this.repeated++;
    if (count > 1 && !possibleRepeat) this.unmarkedRepeats++;
    if (historical) {
      this.historical++;
      this.historyMs = { first: this.historyMs?.first ?? storedMs, last: storedMs };
    } else this.lags.push(storedMs - Date.parse(time));
  }

  /** Of the first so many changes. */
  missing(from: number, to: number): readonly number[] {
    const missing: number[] = [];
    for (let number = from; number < to; number++) if ((this.#counts[number] ?? 0) === 0) missing.push(number);
    return missing;
  }

  #count(value: number): number {
    if (value >= this.#counts.length) {
      const grown = new Uint8Array(2 * Math.max(value, this.#counts.length));
      grown.set(this.#counts);
      this.#counts = grown;
    }
    return (this.#counts[value] = (this.#counts[value] ?? 0) + 1);
  }
}
