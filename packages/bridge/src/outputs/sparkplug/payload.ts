// The payload of Sparkplug B 3.0 (Eclipse Sparkplug Specification 3.0.0, 6.4): a message of metrics.
//
//   Payload        timestamp = 1 uint64   metrics = 2   seq = 3 uint64
//   Metric         name = 1  alias = 2 uint64  timestamp = 3 uint64  datatype = 4 uint32  is_historical = 5  is_null = 7
//                  properties = 9 PropertySet
//                  int_value = 10 uint32  long_value = 11 uint64  float_value = 12  double_value = 13  boolean_value = 14
//                  string_value = 15  bytes_value = 16
//   PropertySet    keys = 1 repeated  values = 2 repeated
//   PropertyValue  type = 1 uint32  int_value = 3  long_value = 4  boolean_value = 7  string_value = 8

import { ProtobufWriter, readFields } from "./protobuf.ts";

/** Numbers of the data types that are used here: 6.4.16. */
export const DataType = {
  Int32: 3,
  Int64: 4,
  UInt8: 5,
  UInt16: 6,
  UInt64: 8,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  Text: 14,
  UUID: 15,
  Bytes: 17,
  Int8Array: 22,
  Int16Array: 23,
  Int32Array: 24,
  Int64Array: 25,
  UInt8Array: 26,
  UInt16Array: 27,
  UInt32Array: 28,
  UInt64Array: 29,
  FloatArray: 30,
  DoubleArray: 31,
  BooleanArray: 32,
  StringArray: 33,
  DateTimeArray: 34,
} as const;
export type DataType = (typeof DataType)[keyof typeof DataType];

export type MetricValue = boolean | number | bigint | string | Uint8Array | null;

/** In the order in which they are sent. */
export type Properties = readonly (readonly [key: string, value: boolean | number | string])[];

export interface Metric {
  /** Undefined where the alias says it all. */
  readonly name: string | undefined;
  readonly alias: number | undefined;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  readonly datatype: DataType;
  readonly isHistorical: boolean;
  readonly properties: Properties;
  readonly value: MetricValue;
}

const writer = new ProtobufWriter();

/** `seq` is absent in the payload of a death. */
export function encodePayload(timestampMs: number, seq: number | undefined, metrics: readonly Metric[]): Buffer {
  writer.uint(1, timestampMs);
  for (const metric of metrics) writer.message(2, () => writeMetric(metric));
  if (seq !== undefined) writer.uint(3, seq);
  return writer.take();
}

const fixedMetricBytes = 64;
const fixedPropertyBytes = 24;

/** As much as a metric can take in a payload, and not much more. */
export function mostMetricBytes({ name = "", properties, value }: Metric): number {
  let bytes = fixedMetricBytes + Buffer.byteLength(name);
  if (typeof value === "string") bytes += Buffer.byteLength(value);
  else if (value instanceof Uint8Array) bytes += value.length;
  for (const [key, property] of properties)
    bytes += fixedPropertyBytes + key.length + (typeof property === "string" ? Buffer.byteLength(property) : 0);
  return bytes;
}

function writeMetric({ name, alias, timestampMs, datatype, isHistorical, properties, value }: Metric): void {
  if (name !== undefined) writer.string(1, name);
  if (alias !== undefined) writer.uint(2, alias);
  writer.uint(3, timestampMs);
  writer.uint(4, datatype);
  if (isHistorical) writer.bool(5, true);
  if (value === null) writer.bool(7, true);
  if (properties.length > 0) writer.message(9, () => writeProperties(properties));
  if (value !== null) writeValue(datatype, value);
}

function writeProperties(properties: Properties): void {
  for (const [key] of properties) writer.string(1, key);
  for (const [, value] of properties)
    writer.message(2, () => {
      if (typeof value === "boolean") {
        writer.uint(1, DataType.Boolean);
        writer.bool(7, value);
      } else if (typeof value === "number") {
        writer.uint(1, value > 0x7fff_ffff ? DataType.Int64 : DataType.Int32);
        writer.uint(value > 0x7fff_ffff ? 4 : 3, value);
      } else {
        writer.uint(1, DataType.String);
        writer.string(8, value);
      }
    });
}

function writeValue(datatype: DataType, value: Exclude<MetricValue, null>): void {
  switch (datatype) {
    case DataType.Int32:
    case DataType.UInt8:
    case DataType.UInt16:
      return writer.uint(10, Number(value) >>> 0);
    case DataType.Int64:
    case DataType.UInt64:
    case DataType.DateTime:
      return writer.uint64(11, value as bigint);
    case DataType.Float:
      return writer.float(12, Number(value));
    case DataType.Double:
      return writer.double(13, Number(value));
    case DataType.Boolean:
      return writer.bool(14, Boolean(value));
    case DataType.String:
    case DataType.Text:
    case DataType.UUID:
      return writer.string(15, String(value));
    default:
      return writer.bytes(16, value as Uint8Array);
  }
}

/** Names of the boolean metrics of a command that are true; undefined when this is no payload. */
export function trueMetrics(payload: Buffer): readonly string[] | undefined {
  const fields = readFields(payload);
  const metrics = fields?.filter(({ field }) => field === 2).map(({ bytes }) => readFields(bytes ?? Buffer.alloc(0)));
  if (metrics === undefined || metrics.includes(undefined)) return undefined;
  return metrics.flatMap((metric = []) => {
    const isTrue = metric.some(({ field, number }) => field === 14 && number === 1);
    const name = metric.find(({ field }) => field === 1)?.bytes?.toString();
    return isTrue && name !== undefined ? [name] : [];
  });
}
