// A moving value as node-opcua writes it: the content of a Variant.

import { DataType, DataValue, DiagnosticInfo, ExpandedNodeId, NodeId, StatusCodes, Variant } from "node-opcua-client";

import { BuiltInType, builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { movingScalar } from "../moving-values.ts";

/** Of namespace 0. */
const baseDataType = 24;

/** The type that a variable of the server says it has. */
export function dataTypeOf(type: BuiltInType): NodeId {
  const number = type === BuiltInType.Variant ? baseDataType : type;
  return new NodeId(NodeId.NodeIdType.NUMERIC, number, 0);
}

/** What its Variants have inside: a Variant holds none by itself (OPC 10000-6, 5.2.2.16). */
export function contentTypeOf(type: BuiltInType): DataType {
  return DataType[builtInTypeName(type === BuiltInType.Variant ? BuiltInType.Double : type)];
}

/** Called with the time. Of every type but ExtensionObject (moving-structure.ts). */
export function movingContent(name: string, unit: string, type: BuiltInType): (atMs: number) => unknown {
  if (type === BuiltInType.Variant) return movingContent(name, unit, BuiltInType.Double);
  if (type === BuiltInType.DataValue) {
    const number = movingScalar(name, unit, BuiltInType.Double);
    return (atMs) => dataValueOf(number(atMs) as number);
  }
  const scalar = movingScalar(name, unit, type);
  const form = wireForms.get(type) ?? ((value: unknown) => value);
  return (atMs) => form(scalar(atMs));
}

function dataValueOf(value: number): DataValue {
  const found = new DataValue({ statusCode: StatusCodes.Good });
  found.value = new Variant({ dataType: DataType.Double, value });
  return found;
}

const wireForms = new Map<BuiltInType, (value: unknown) => unknown>([
  [BuiltInType.Int64, highAndLow],
  [BuiltInType.UInt64, highAndLow],
  [BuiltInType.DateTime, (ticks) => new Date(Number((ticks as bigint) / 10_000n) - unixEpochMs)],
  [BuiltInType.ByteString, (bytes) => Buffer.from(bytes as Uint8Array)],
  [BuiltInType.StatusCode, () => StatusCodes.Good],
  [BuiltInType.NodeId, (text) => new NodeId(NodeId.NodeIdType.STRING, text as string, 1)],
  [BuiltInType.ExpandedNodeId, (text) => new ExpandedNodeId(NodeId.NodeIdType.STRING, text as string, 1)],
  [BuiltInType.LocalizedText, (text) => ({ locale: "de", text })],
  [BuiltInType.QualifiedName, (name) => ({ namespaceIndex: 0, name })],
  [BuiltInType.DiagnosticInfo, () => new DiagnosticInfo({})],
]);

/** 1601-01-01 to 1970-01-01. */
const unixEpochMs = 11_644_473_600_000;

function highAndLow(value: unknown): [number, number] {
  const bits = BigInt.asUintN(64, value as bigint);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
}
