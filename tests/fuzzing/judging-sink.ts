// A sink that lets through what values/value.ts and point-sink.ts of the image package promise, and objects to the rest.

import assert from "node:assert/strict";

import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type { PointSink } from "../../packages/image/src/point-sink.ts";
import type { Timestamp } from "../../packages/image/src/values/timestamp.ts";
import type { Scalar, Value } from "../../packages/image/src/values/value.ts";

export class JudgingSink implements PointSink {
  values = 0;
  readonly #next: PointSink;

  constructor(next: PointSink) {
    this.#next = next;
  }

  responseCame(): void {}

  setNumber(index: number, type: BuiltInType, value: number): void {
    this.values++;
    assertScalar(type, value);
    this.#next.setNumber(index, type, value);
  }

  setTimedNumber(
    index: number,
    type: BuiltInType,
    value: number,
    status: number,
    unixMs: number,
    subMsNs: number,
  ): void {
    this.values++;
    assertStatus(status);
    assertNumber(type, value);
    assertInstant({ unixMs, subMsNs });
    this.#next.setTimedNumber(index, type, value, status, unixMs, subMsNs);
  }

  setValue(index: number, value: Value, status: number, sourceTimestamp?: Timestamp): void {
    this.values++;
    assertStatus(status);
    if (Array.isArray(value.value))
      for (const element of value.value as readonly Scalar[]) assertScalar(value.type, element);
    else assertScalar(value.type, value.value as Scalar);
    if (sourceTimestamp !== undefined) assertInstant(sourceTimestamp);
    this.#next.setValue(index, value, status, sourceTimestamp);
  }

  unchanged(index: number): void {
    this.#next.unchanged(index);
  }

  setStatus(index: number, status: number): void {
    assertStatus(status);
    this.#next.setStatus(index, status);
  }
}

function assertStatus(status: number): void {
  assert.ok(Number.isInteger(status) && status >= 0 && status <= 0xffff_ffff, `status ${status}`);
}

function assertInstant({ unixMs, subMsNs }: Timestamp): void {
  assert.ok(Number.isSafeInteger(unixMs));
  assert.ok(Number.isInteger(subMsNs) && subMsNs >= 0 && subMsNs < 1_000_000);
}

const integerRanges: ReadonlyMap<number, readonly [number | bigint, number | bigint]> = new Map([
  [BuiltInType.SByte, [-128, 127]],
  [BuiltInType.Byte, [0, 255]],
  [BuiltInType.Int16, [-32_768, 32_767]],
  [BuiltInType.UInt16, [0, 65_535]],
  [BuiltInType.Int32, [-(2 ** 31), 2 ** 31 - 1]],
  [BuiltInType.UInt32, [0, 2 ** 32 - 1]],
  [BuiltInType.StatusCode, [0, 2 ** 32 - 1]],
  [BuiltInType.Int64, [-(2n ** 63n), 2n ** 63n - 1n]],
  [BuiltInType.UInt64, [0n, 2n ** 64n - 1n]],
  [BuiltInType.DateTime, [-(2n ** 63n), 2n ** 63n - 1n]],
]);

/** A Boolean is 0 or 1. */
function assertNumber(type: number, value: number): void {
  if (type === BuiltInType.Boolean) assert.ok(value === 0 || value === 1, `Boolean ${value}`);
  else assertScalar(type, value);
}

function assertScalar(type: number, value: Scalar): void {
  const range = integerRanges.get(type);
  const what = `${type}: ${typeof value} ${String(value).slice(0, 40)}`;
  if (range !== undefined) {
    assert.equal(typeof value, typeof range[0], what);
    assert.ok(typeof value === "bigint" || Number.isInteger(value), what);
    assert.ok((value as number | bigint) >= range[0] && (value as number | bigint) <= range[1], what);
  } else if (type === BuiltInType.Boolean) assert.equal(typeof value, "boolean", what);
  else if (type === BuiltInType.Float || type === BuiltInType.Double) assert.equal(typeof value, "number", what);
  else if (type === BuiltInType.ByteString) assert.ok(value === null || value instanceof Uint8Array, what);
  else if (type === BuiltInType.Guid)
    assert.ok(value === null || /^[\dA-F]{8}(-[\dA-F]{4}){3}-[\dA-F]{12}$/.test(String(value)), what);
  else if (type === BuiltInType.String || type === BuiltInType.XmlElement) {
    assert.ok(value === null || typeof value === "string", what);
  } else if (type === BuiltInType.Null) assert.equal(value, null, what);
  else {
    assert.ok(type > BuiltInType.Null && type <= BuiltInType.DiagnosticInfo, what);
    assert.equal(typeof value, "string", what);
    JSON.parse(value as string);
  }
}
