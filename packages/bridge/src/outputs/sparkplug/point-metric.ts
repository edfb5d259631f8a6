// A value of a point as a metric: data type, value, quality, properties.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isBad, isGood } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { valueToJson } from "@cpc-partition/image/values/value-json";
import type { Scalar } from "@cpc-partition/image/values/value";
import { valueNs, type ObservedPoint, type PointChange } from "../../observation/observed-change.ts";
import { DataType, type MetricValue, type Properties } from "./payload.ts";

/**
 * Decoders disagree about three types: a negative Int8 or Int16 has 8, 16 or 32 bits, and a UInt32 stands in the field of 32 or of 64. Some would
 * show wrong values without a word. So these travel in the next larger signed type, which all read alike.
 */
const scalarTypes: Readonly<Partial<Record<BuiltInType, DataType>>> = {
  [BuiltInType.Boolean]: DataType.Boolean,
  [BuiltInType.SByte]: DataType.Int32,
  [BuiltInType.Byte]: DataType.UInt8,
  [BuiltInType.Int16]: DataType.Int32,
  [BuiltInType.UInt16]: DataType.UInt16,
  [BuiltInType.Int32]: DataType.Int32,
  [BuiltInType.UInt32]: DataType.Int64,
  [BuiltInType.Int64]: DataType.Int64,
  [BuiltInType.UInt64]: DataType.UInt64,
  [BuiltInType.Float]: DataType.Float,
  [BuiltInType.Double]: DataType.Double,
  [BuiltInType.String]: DataType.String,
  [BuiltInType.DateTime]: DataType.DateTime,
  [BuiltInType.Guid]: DataType.UUID,
  [BuiltInType.ByteString]: DataType.Bytes,
  [BuiltInType.StatusCode]: DataType.Int64,
};

/** With the bytes that one element takes; texts and flags have rules of their own. */
const arrayTypes: Readonly<Partial<Record<BuiltInType, DataType>>> = {
  [BuiltInType.Boolean]: DataType.BooleanArray,
  [BuiltInType.SByte]: DataType.Int8Array,
  [BuiltInType.Byte]: DataType.UInt8Array,
  [BuiltInType.Int16]: DataType.Int16Array,
  [BuiltInType.UInt16]: DataType.UInt16Array,
  [BuiltInType.Int32]: DataType.Int32Array,
  [BuiltInType.UInt32]: DataType.UInt32Array,
  [BuiltInType.Int64]: DataType.Int64Array,
  [BuiltInType.UInt64]: DataType.UInt64Array,
  [BuiltInType.Float]: DataType.FloatArray,
  [BuiltInType.Double]: DataType.DoubleArray,
  [BuiltInType.DateTime]: DataType.DateTimeArray,
};

/** Undefined while nobody knows: no value yet, and no type in the directory. */
export function datatypeOf({ type, value, point }: PointChange): DataType | undefined {
  const known = type === BuiltInType.Null ? point.type : type;
  if (known === BuiltInType.Null) return undefined;
  // What has no type of its own in Sparkplug travels as the JSON that documents show.
  return (Array.isArray(value) ? arrayTypes : scalarTypes)[known] ?? DataType.Text;
}

/** `datatype` as `datatypeOf` gives it. Null: no value, or a bad status. */
export function metricValue(change: PointChange, datatype: DataType): MetricValue {
  const { type, value, status } = change;
  if (value === null || type === BuiltInType.Null || isBad(status)) return null;
  if (datatype === DataType.Text) return valueToJson(change);
  if (Array.isArray(value)) return packed(datatype, value as readonly Scalar[]);
  if (type === BuiltInType.DateTime) return unixMs(value as bigint);
  return datatype === DataType.Int64 ? BigInt(value as bigint | number) : (value as MetricValue);
}

export function timestampMs(change: PointChange): number {
  return Number(valueNs(change) / 1_000_000n);
}

/** 6.4.15: only 0, 192 and 500 are allowed; a status that is uncertain is 500, stale. Absent means good. */
export function qualityProperties(status: number): Properties {
  if (isGood(status)) return [];
  return [
    ["Quality", isBad(status) ? 0 : 500],
    ["statusCode", status],
    ["status", statusName(status)],
  ];
}

/** What a birth tells beside the value. */
export function describingProperties({ unit, description }: ObservedPoint): Properties {
  const unitProperty: Properties = unit === "" ? [] : [["engUnit", unit]];
  return description === "" ? unitProperty : [...unitProperty, ["description", description]];
}

/** 100 ns ticks from 1601-01-01 to 1970-01-01. */
const unixEpochTicks = 116_444_736_000_000_000n;

function unixMs(ticks: bigint): bigint {
  const ms = (ticks - unixEpochTicks) / 10_000n;
  return ms > 0n ? ms : 0n;
}

/** 6.4.17: numbers little-endian one behind the other; flags as bits behind their count, the first one highest. */
function packed(datatype: DataType, elements: readonly Scalar[]): Uint8Array {
  if (datatype === DataType.BooleanArray) return packedFlags(elements);
  const width = widths[datatype] ?? 8;
  const bytes = Buffer.alloc(width * elements.length);
  for (const [index, element] of elements.entries()) {
    const at = width * index;
    if (datatype === DataType.FloatArray) bytes.writeFloatLE(Number(element), at);
    else if (datatype === DataType.DoubleArray) bytes.writeDoubleLE(Number(element), at);
    else if (datatype === DataType.DateTimeArray) bytes.writeBigUInt64LE(unixMs((element ?? 0n) as bigint), at);
    else if (width === 8) bytes.writeBigUInt64LE(BigInt.asUintN(64, (element ?? 0n) as bigint), at);
    else bytes.writeUIntLE(Number(BigInt.asUintN(8 * width, BigInt(Number(element)))), at, width);
  }
  return bytes;
}

const widths: Readonly<Partial<Record<DataType, number>>> = {
  [DataType.Int8Array]: 1,
  [DataType.UInt8Array]: 1,
  [DataType.Int16Array]: 2,
  [DataType.UInt16Array]: 2,
  [DataType.Int32Array]: 4,
  [DataType.UInt32Array]: 4,
  [DataType.FloatArray]: 4,
};

function packedFlags(elements: readonly Scalar[]): Uint8Array {
  const bytes = Buffer.alloc(4 + Math.ceil(elements.length / 8));
  bytes.writeUInt32LE(elements.length);
  for (const [index, element] of elements.entries())
    if (element === true) bytes[4 + (index >> 3)]! |= 0x80 >> (index & 7);
  return bytes;
}
