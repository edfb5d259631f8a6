// From node-opcua's view of a value to ours. Pure; the table of values/value.ts is its promise.

import { DataType, VariantArrayType } from "node-opcua-client";
import type { DataValue, Variant } from "node-opcua-client";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { StatusCode, isBad } from "@cpc-partition/image/values/status-code";
import type { Scalar, Value } from "@cpc-partition/image/values/value";
import type { PlainValue } from "./channel/data-values.ts";
import { hasConsistentDimensions } from "./channel/tolerant-decoding.ts";
import { UnreadableValueError, elementJson } from "./ua-json.ts";
import { dateToTicks, sixtyFourBits, timestampOf } from "./wire-numbers.ts";

/** Undefined for what nobody can read, anywhere inside: a matrix whose dimensions contradict the number of its elements, a structure that is not whole. */
export function variantToValue(variant: Variant): Value | undefined {
  try {
    return hasConsistentDimensions(variant) ? valueOf(variant) : undefined;
  } catch (error) {
    if (error instanceof UnreadableValueError) return undefined;
    throw error;
  }
}

function valueOf(variant: Variant): Value {
  const { dataType, arrayType, dimensions } = variant;
  const value: unknown = variant.value;
  const type = dataType as number as BuiltInType;
  if (arrayType === VariantArrayType.Scalar) return { type, value: scalarOf(dataType, value) };
  // A null array has no elements either (OPC 10000-6, 5.2.5: both are allowed for "no elements").
  const elements = scalarsOf(dataType, (value ?? []) as ArrayLike<unknown>);
  return arrayType === VariantArrayType.Matrix &&
    dimensions !== null &&
    dimensions !== undefined &&
    dimensions.length > 1
    ? { type, value: elements, dimensions: [...dimensions] }
    : { type, value: elements };
}

/** By index, into an array of the right length: everything else takes eight times as long, and neighbours wait while four million elements are copied. */
function scalarsOf(type: DataType, elements: ArrayLike<unknown>): Scalar[] {
  const { length } = elements;
  const isPlain = isPlainNumber(type);
  const scalars: Scalar[] = [];
  scalars.length = length;
  for (let index = 0; index < length; index++) {
    const element = elements[index];
    scalars[index] = isPlain ? (element as number) : scalarOf(type, element);
  }
  return scalars;
}

/** One element as node-opcua holds it. */
export function scalarOf(type: DataType, value: unknown): Scalar {
  switch (type) {
    case DataType.Boolean:
      return Boolean(value);
    case DataType.SByte:
    case DataType.Byte:
    case DataType.Int16:
    case DataType.UInt16:
    case DataType.Int32:
    case DataType.UInt32:
    case DataType.Float:
    case DataType.Double:
      return value as number;
    case DataType.StatusCode:
      return (value as { readonly value: number }).value >>> 0;
    case DataType.Int64:
    case DataType.UInt64:
      return sixtyFourBits(value, type === DataType.Int64);
    case DataType.DateTime:
      return value === null || value === undefined ? 0n : dateToTicks(value as Date);
    case DataType.String:
    case DataType.XmlElement:
      return value === undefined ? null : (value as string | null);
    case DataType.Guid:
      return value === null || value === undefined ? null : (value as string).toUpperCase();
    case DataType.ByteString:
      return value === null || value === undefined ? null : (value as Uint8Array);
    case DataType.Null:
      return null;
    case DataType.NodeId:
    case DataType.ExpandedNodeId:
    case DataType.QualifiedName:
    case DataType.LocalizedText:
    case DataType.ExtensionObject:
    case DataType.DataValue:
    case DataType.Variant:
    case DataType.DiagnosticInfo:
      return elementJson(type, value);
    default:
      return null;
  }
}

/** True for the types that `PointSink.setNumber` takes. */
function isPlainNumber(type: DataType): boolean {
  return (type >= DataType.SByte && type <= DataType.UInt32) || type === DataType.Float || type === DataType.Double;
}

/** As `deliver` would with the same result; false: it has to. */
export function deliverPlain(sink: PointSink, index: number, plain: PlainValue): boolean {
  const { type, number, other, status, sourceUnixMs, sourceSubMsNs } = plain;
  const hasTime = !Number.isNaN(sourceUnixMs);
  if (isBad(status)) sink.setStatus(index, status);
  else if (type === BuiltInType.Null) return false;
  else if (other !== undefined || type === BuiltInType.StatusCode) {
    const time = hasTime ? { unixMs: sourceUnixMs, subMsNs: sourceSubMsNs } : undefined;
    sink.setValue(index, { type, value: other === undefined ? number : other }, status, time);
  } else if (hasTime) sink.setTimedNumber(index, type, number, status, sourceUnixMs, sourceSubMsNs);
  else if (status === StatusCode.Good && type !== BuiltInType.Boolean) sink.setNumber(index, type, number);
  else return false;
  return true;
}

/** Puts one answer where it belongs. A bad status comes without a value that could be used (OPC 10000-4, 7.11). */
export function deliver(sink: PointSink, index: number, result: DataValue): void {
  const status = result.statusCode.value >>> 0;
  if (isBad(status)) {
    sink.setStatus(index, status);
    return;
  }
  const variant = result.value;
  if (
    status === StatusCode.Good &&
    variant.arrayType === VariantArrayType.Scalar &&
    isPlainNumber(variant.dataType) &&
    timestampOf(result.sourceTimestamp, result.sourcePicoseconds) === undefined
  ) {
    sink.setNumber(index, variant.dataType as number as BuiltInType, variant.value as number);
    return;
  }
  deliverValue(sink, index, variantToValue(variant) ?? StatusCode.BadDecodingError, result);
}

/** A value of the answer, or the status that tells why it has none. */
export function deliverValue(sink: PointSink, index: number, value: Value | number, result: DataValue): void {
  const { statusCode, sourceTimestamp, sourcePicoseconds } = result;
  if (typeof value === "number") sink.setStatus(index, value);
  else sink.setValue(index, value, statusCode.value >>> 0, timestampOf(sourceTimestamp, sourcePicoseconds));
}
