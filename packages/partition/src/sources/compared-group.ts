// One group of a server that is compared with its configuration: polled a few times one after the other, what came last counts.

import type { PointSink } from "@cpc-partition/image/point-sink";
import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isBad, StatusCode } from "@cpc-partition/image/values/status-code";
import type { Value } from "@cpc-partition/image/values/value";
import type { MonotonicClock } from "@cpc-partition/process/schedule";
import type { GroupReports, Receipt } from "./source.ts";

/** After so many a protocol has repeated what was refused, and knows how long requests may be. */
const polls = 4;

export class ComparedGroup implements GroupReports, PointSink {
  wantsAgain: (() => void) | undefined;
  /** Of its points in the list of the source. */
  readonly places: readonly number[];
  /** By place in the list of the source, as of the last poll; values with a bad status are none. */
  readonly values = new Map<number, Value>();
  readonly statuses = new Map<number, number>();
  isDone = false;
  quickestMs: number | undefined;
  readonly #clock: MonotonicClock;
  readonly #done: () => void;

  constructor(places: readonly number[], clock: MonotonicClock, done: () => void) {
    this.places = places;
    this.#clock = clock;
    this.#done = done;
  }

  async everyTick(read: (sink: PointSink) => Promise<void>, signal: AbortSignal): Promise<void> {
    for (let poll = 0; poll < polls && !signal.aborted; poll++) {
      const startMs = this.#clock();
      await read(this);
      if (signal.aborted) return;
      this.quickestMs = Math.min(this.quickestMs ?? Infinity, this.#clock() - startMs);
    }
    this.isDone = true;
    this.#done();
  }

  publish(fill: (sink: PointSink) => void): Receipt {
    fill(this);
    return () => true;
  }

  responseCame(): void {}

  setNumber(index: number, type: BuiltInType, value: number): void {
    this.setValue(index, { type, value }, StatusCode.Good);
  }

  setTimedNumber(index: number, type: BuiltInType, value: number, status: number): void {
    this.setValue(index, { type, value }, status);
  }

  setValue(index: number, value: Value, status: number): void {
    const place = this.places[index] ?? index;
    this.statuses.set(place, status);
    if (isBad(status)) this.values.delete(place);
    else this.values.set(place, value);
  }

  unchanged(): void {}

  setStatus(index: number, status: number): void {
    const place = this.places[index] ?? index;
    this.statuses.set(place, status);
    this.values.delete(place);
  }
}
