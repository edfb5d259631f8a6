// The OPC UA JSON encoding of the types that travel as text (OPC 10000-6 version 1.05, 5.4), compact form:
//
//   NodeId, ExpandedNodeId    "ns=2;s=Name" (5.1.12); namespaces by index as the server numbers them, "i=..." in namespace 0
//   QualifiedName             "2:Name", "Name" in namespace 0
//   LocalizedText             {"Locale":"de","Text":"..."}, null members left out
//   StatusCode                its number
//   Variant                   {"UaType":11,"Value":...,"Dimensions":[...]}
//   DataValue                 the members of its Variant, then StatusCode, SourceTimestamp, ... where they are not the default
//   ExtensionObject           {"UaTypeId":"ns=2;i=...", fields} decoded, or {"UaTypeId":encoding,"UaEncoding":1,"UaBody":base64}
//   DiagnosticInfo            {"SymbolicId":...}, members left out where they are not set
//   Float, Double             a number, or "NaN", "Infinity", "-Infinity"
//   ByteString, DateTime      base64; ISO 8601 with as many fraction digits as there are, from year 1 to 9999
//   null                      null
//
// One difference, for consumers of the document: Int64 and UInt64 are JSON integers with all digits, not strings.

import {
  DataType,
  DataValue,
  DiagnosticInfo,
  ExpandedNodeId,
  LocalizedText,
  NodeId,
  QualifiedName,
  StatusCode,
  Variant,
  VariantArrayType,
} from "node-opcua-client";
import { doubleToJson } from "@cpc-partition/image/values/double-json";
import { hasConsistentDimensions } from "./channel/tolerant-decoding.ts";
import { isBroken } from "./channel/whole-structures.ts";
import { dateToTicks, sixtyFourBits, ticksToText } from "./wire-numbers.ts";

const { NodeIdType } = NodeId;

/** JSON text of one element of a built-in type, as node-opcua holds it. */
export function elementJson(type: DataType, element: unknown): string {
  if (element === null || element === undefined) return "null";
  switch (type) {
    case DataType.Null:
      return "null";
    case DataType.Boolean:
      return String(Boolean(element));
    case DataType.SByte:
    case DataType.Byte:
    case DataType.Int16:
    case DataType.UInt16:
    case DataType.Int32:
    case DataType.UInt32:
      return String(Number(element));
    case DataType.Float:
    case DataType.Double:
      return doubleToJson(Number(element), "strings");
    case DataType.Int64:
    case DataType.UInt64:
      return String(sixtyFourBits(element, type === DataType.Int64));
    case DataType.String:
    case DataType.XmlElement:
      return JSON.stringify(element);
    case DataType.Guid:
      return JSON.stringify((element as string).toUpperCase());
    case DataType.DateTime:
      return JSON.stringify(ticksToText(dateToTicks(element as Date)));
    case DataType.ByteString:
      return JSON.stringify(Buffer.from(element as Uint8Array).toString("base64"));
    case DataType.NodeId:
    case DataType.ExpandedNodeId:
      return JSON.stringify(nodeIdText(element as NodeId));
    case DataType.StatusCode:
      return String((element as StatusCode).value >>> 0);
    case DataType.QualifiedName:
      return JSON.stringify(qualifiedNameText(element as QualifiedName));
    case DataType.LocalizedText: {
      const { locale, text } = element as LocalizedText;
      return objectJson([stringMember("Locale", locale), stringMember("Text", text)]);
    }
    case DataType.ExtensionObject:
      return structureJson(element);
    case DataType.DataValue:
      return dataValueJson(element as DataValue);
    case DataType.Variant:
      return objectJson(variantMembers(element as Variant));
    case DataType.DiagnosticInfo:
      return diagnosticInfoJson(element as DiagnosticInfo);
    default:
      return "null";
  }
}

type Member = string | undefined;

function objectJson(members: readonly Member[]): string {
  return `{${members.filter((text) => text !== undefined).join(",")}}`;
}

function stringMember(name: string, value: string | null | undefined): Member {
  return value === null || value === undefined ? undefined : `${JSON.stringify(name)}:${JSON.stringify(value)}`;
}

function identifierText(nodeId: NodeId): string {
  switch (nodeId.identifierType) {
    case NodeIdType.NUMERIC:
      return `i=${Number(nodeId.value)}`;
    case NodeIdType.STRING:
      return `s=${String(nodeId.value)}`;
    case NodeIdType.GUID:
      return `g=${String(nodeId.value).toUpperCase()}`;
    case NodeIdType.BYTESTRING:
      return `b=${Buffer.from(nodeId.value as Buffer).toString("base64")}`;
    default:
      return nodeId.identifierType satisfies never;
  }
}

export function nodeIdText(nodeId: NodeId): string {
  const identifier = identifierText(nodeId);
  const byIndex = nodeId.namespace === 0 ? identifier : `ns=${nodeId.namespace};${identifier}`;
  if (!(nodeId instanceof ExpandedNodeId)) return byIndex;
  const server = nodeId.serverIndex > 0 ? `svr=${nodeId.serverIndex};` : "";
  return nodeId.namespaceUri ? `${server}nsu=${escapedUri(nodeId.namespaceUri)};${identifier}` : server + byIndex;
}

/** OPC 10000-6, 5.1.12: "%" and ";" inside a namespace URI are percent-encoded. */
function escapedUri(uri: string): string {
  return uri.replaceAll("%", "%25").replaceAll(";", "%3B");
}

function qualifiedNameText({ namespaceIndex, name }: QualifiedName): string {
  return namespaceIndex === 0 ? (name ?? "") : `${namespaceIndex}:${name ?? ""}`;
}

/** The dimensions of a matrix contradict the number of its elements, or a structure is not whole: nobody knows what the value is. */
export class UnreadableValueError extends Error {
  override readonly name = "UnreadableValueError";
  readonly code = "UnreadableValue";
}

function variantMembers(variant: Variant): Member[] {
  if (!hasConsistentDimensions(variant))
    throw new UnreadableValueError("cannot show a matrix whose dimensions are wrong");
  const { dataType, arrayType, dimensions } = variant;
  if (dataType === DataType.Null) return [];
  const value: unknown = variant.value;
  const text =
    arrayType === VariantArrayType.Scalar
      ? elementJson(dataType, value)
      : `[${Array.from((value ?? []) as Iterable<unknown>, (element) => elementJson(dataType, element)).join(",")}]`;
  const isMatrix = arrayType === VariantArrayType.Matrix && dimensions !== null && dimensions !== undefined;
  return [
    `"UaType":${dataType}`,
    `"Value":${text}`,
    isMatrix ? `"Dimensions":${JSON.stringify(dimensions)}` : undefined,
  ];
}

function dataValueJson(dataValue: DataValue): string {
  const { statusCode, sourceTimestamp, serverTimestamp, sourcePicoseconds, serverPicoseconds } = dataValue;
  return objectJson([
    ...(dataValue.value ? variantMembers(dataValue.value) : []),
    statusCode.value === 0 ? undefined : `"StatusCode":${statusCode.value >>> 0}`,
    timeMember("SourceTimestamp", sourceTimestamp, sourcePicoseconds),
    timeMember("ServerTimestamp", serverTimestamp, serverPicoseconds),
  ]);
}

function timeMember(name: string, date: Date | null, picoseconds: number): Member {
  return date === null ? undefined : `"${name}":${JSON.stringify(ticksToText(dateToTicks(date, picoseconds)))}`;
}

/** -1: the string table of the response is not used. */
function indexMember(name: string, value: number): Member {
  return value < 0 ? undefined : `"${name}":${value}`;
}

function diagnosticInfoJson(info: DiagnosticInfo): string {
  return objectJson([
    indexMember("SymbolicId", info.symbolicId),
    indexMember("NamespaceUri", info.namespaceURI),
    indexMember("Locale", info.locale),
    indexMember("LocalizedText", info.localizedText),
    stringMember("AdditionalInfo", info.additionalInfo),
    info.innerStatusCode.value === 0 ? undefined : `"InnerStatusCode":${info.innerStatusCode.value >>> 0}`,
    info.innerDiagnosticInfo ? `"InnerDiagnosticInfo":${diagnosticInfoJson(info.innerDiagnosticInfo)}` : undefined,
  ]);
}

/** What the decoded structures of node-opcua have in common. */
export interface Structure {
  readonly schema: Schema;
}
export interface Schema {
  readonly name: string;
  readonly dataTypeNodeId?: NodeId;
  readonly fields: readonly Field[];
  getBaseSchema(): Schema | null;
}
export interface Field {
  readonly name: string;
  readonly originalName: string;
  readonly fieldType: string;
  readonly isArray?: boolean;
  /** Of an optional member. */
  readonly switchBit?: number;
  /** "enumeration", "complex", "basic" */
  readonly category?: string;
  readonly schema?: { readonly name: string; readonly subType?: string };
}
export interface Opaque {
  readonly nodeId: NodeId;
  readonly buffer: Buffer;
}

/** A structure whose type this client does not know: what the wire carried, untouched. */
export function isOpaque(value: unknown): value is Opaque {
  return (
    typeof value === "object" && value !== null && "buffer" in value && "nodeId" in value && !ArrayBuffer.isView(value)
  );
}

function structureJson(value: unknown): string {
  if (isOpaque(value)) {
    const body = JSON.stringify(Buffer.from(value.buffer).toString("base64"));
    return objectJson([`"UaTypeId":${JSON.stringify(nodeIdText(value.nodeId))}`, `"UaEncoding":1`, `"UaBody":${body}`]);
  }
  if (!isStructure(value)) return "null";
  const { dataTypeNodeId } = value.schema;
  return objectJson([
    dataTypeNodeId === undefined ? undefined : `"UaTypeId":${JSON.stringify(nodeIdText(dataTypeNodeId))}`,
    ...fieldMembers(value),
  ]);
}

export function isStructure(value: unknown): value is Structure {
  return typeof value === "object" && value !== null && "schema" in value;
}

/** Base type first, as on the wire; none for what is no structure. */
export function schemasOf(structure: object): readonly Schema[] {
  const schemas: Schema[] = [];
  let schema: Schema | null = isStructure(structure) ? structure.schema : null;
  for (; schema !== null; schema = schema.getBaseSchema()) schemas.unshift(schema);
  return schemas;
}

/** Optional fields that are absent are left out. */
function fieldMembers(structure: Structure): Member[] {
  if (isBroken(structure)) throw new UnreadableValueError("cannot show a structure of which only a part was decoded");
  const values = structure as unknown as Readonly<Record<string, unknown>>;
  return schemasOf(structure)
    .flatMap(({ fields }) => fields)
    .map((field) => {
      const value = values[field.name];
      if (value === undefined) return undefined;
      const text =
        field.isArray === true
          ? `[${Array.from((value ?? []) as Iterable<unknown>, (element) => fieldJson(field, element)).join(",")}]`
          : fieldJson(field, value);
      return `${JSON.stringify(field.originalName || field.name)}:${text}`;
    });
}

function fieldJson(field: Field, value: unknown): string {
  const type = fieldType(field);
  if (type !== undefined) return elementJson(type, value);
  if (typeof value === "number") return String(value); // an enumeration
  if (isOpaque(value)) return structureJson(value);
  if (isStructure(value)) return objectJson(fieldMembers(value)); // its type is known from the field: no UaTypeId
  return "null";
}

/** The built-in type behind a field's type, whose own name may be another one ("Duration", "UtcTime"). */
export function fieldType({ fieldType: name, schema }: Field): DataType | undefined {
  for (const candidate of [name, schema?.name, schema?.subType]) {
    const type = candidate === undefined ? undefined : DataType[candidate as keyof typeof DataType];
    if (type !== undefined) return type;
  }
  return undefined;
}
