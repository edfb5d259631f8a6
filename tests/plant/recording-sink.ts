// Keeps what polls delivered.

import type { PointSink } from "../../packages/image/src/point-sink.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type { Timestamp } from "../../packages/image/src/values/timestamp.ts";
import type { Value } from "../../packages/image/src/values/value.ts";

/** Either the value of a point with status Good, or its status. */
export type Seen = { readonly type: BuiltInType; readonly value: Value["value"] } | { readonly status: number };

export class RecordingSink implements PointSink {
  readonly values = new Map<number, Value>();
  readonly statuses = new Map<number, number>();
  readonly timestamps = new Map<number, Timestamp | undefined>();

  responseCame(): void {}

  setNumber(index: number, type: BuiltInType, value: number): void {
    this.setValue(index, { type, value }, 0);
  }

  setTimedNumber(
    index: number,
    type: BuiltInType,
    value: number,
    status: number,
    unixMs: number,
    subMsNs: number,
  ): void {
    const content = type === BuiltInType.Boolean ? value !== 0 : value;
    this.setValue(index, { type, value: content }, status, { unixMs, subMsNs });
  }

  setValue(index: number, value: Value, status: number, sourceTimestamp?: Timestamp): void {
    this.values.set(index, value);
    this.statuses.set(index, status);
    this.timestamps.set(index, sourceTimestamp);
  }

  readonly confirmed = new Set<number>();

  unchanged(index: number): void {
    this.confirmed.add(index);
  }

  setStatus(index: number, status: number): void {
    this.values.delete(index);
    this.statuses.set(index, status);
  }

  /** Undefined: the point was not set. */
  seen(index: number): Seen | undefined {
    const status = this.statuses.get(index);
    const value = this.values.get(index);
    if (status === undefined) return undefined;
    return status === 0 && value !== undefined ? { type: value.type, value: value.value } : { status };
  }

  /** The value of a point with status Good. */
  value(index: number): Value["value"] | undefined {
    return this.statuses.get(index) === 0 ? this.values.get(index)?.value : undefined;
  }

  /** The status of a point whose status is not Good. */
  status(index: number): number | undefined {
    const status = this.statuses.get(index);
    return status === 0 ? undefined : status;
  }
}
