// Where a protocol client puts the values of one poll. The process image implements it; a client knows only this.

import type { BuiltInType } from "./values/built-in-type.ts";
import type { Timestamp } from "./values/timestamp.ts";
import type { Value } from "./values/value.ts";

/**
 * One poll's worth of one group. `index` is the point's place in the group's `points`.
 * A point that is not set in a poll keeps the value, status and times of the poll before.
 */
export interface PointSink {
  /** A response has come: what is set from here on was received now. Before the first call it counts as received when the poll began. */
  responseCame(): void;
  /** A scalar Boolean (0 or 1), SByte .. UInt32, Float, Double or StatusCode with status Good and no source timestamp: the fast path. */
  setNumber(index: number, type: BuiltInType, value: number): void;
  /** As `setNumber`, but for StatusCode, with a status that is not bad and a source time: milliseconds since 1970, and nanoseconds below them. */
  setTimedNumber(
    index: number,
    type: BuiltInType,
    value: number,
    status: number,
    sourceUnixMs: number,
    sourceSubMsNs: number,
  ): void;
  /** Any value. `status` is an OPC UA status code (32 bits, unsigned). */
  setValue(index: number, value: Value, status: number, sourceTimestamp?: Timestamp): void;
  /** The server has said that value and status are still the same: only the time of receipt is new. */
  unchanged(index: number): void;
  /** No value in this poll: the last one stays in place under the given (bad) status. */
  setStatus(index: number, status: number): void;
}
