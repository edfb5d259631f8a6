// What was read for a subscribed group, held until it can be published in one go: between a Read and its answer, messages of the subscription
// are published.

import type { PointSink } from "@cpc-partition/image/point-sink";
import type { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Timestamp } from "@cpc-partition/image/values/timestamp";
import type { Value } from "@cpc-partition/image/values/value";

export class HeldValues implements PointSink {
  readonly #steps: { readonly index: number; readonly put: (sink: PointSink) => void }[] = [];

  /** Only of points that `isWanted`: what was published of a point meanwhile is newer than what was read. */
  releaseTo(sink: PointSink, isWanted: (index: number) => boolean): void {
    sink.responseCame();
    for (const { index, put } of this.#steps) if (isWanted(index)) put(sink);
  }

  /** They are released right after they came. */
  responseCame(): void {}

  setNumber(index: number, type: BuiltInType, value: number): void {
    this.#steps.push({ index, put: (sink) => sink.setNumber(index, type, value) });
  }

  setTimedNumber(
    index: number,
    ...number: [BuiltInType, value: number, status: number, unixMs: number, subMsNs: number]
  ): void {
    this.#steps.push({ index, put: (sink) => sink.setTimedNumber(index, ...number) });
  }

  setValue(index: number, value: Value, status: number, sourceTimestamp?: Timestamp): void {
    this.#steps.push({ index, put: (sink) => sink.setValue(index, value, status, sourceTimestamp) });
  }

  setStatus(index: number, status: number): void {
    this.#steps.push({ index, put: (sink) => sink.setStatus(index, status) });
  }

  unchanged(index: number): void {
    this.#steps.push({ index, put: (sink) => sink.unchanged(index) });
  }
}
