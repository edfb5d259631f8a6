// Structures of a plant at a test server: a motor with a drive, phases in an array, tags, a state, and what is there only sometimes.

import { DataType, Variant, VariantArrayType } from "node-opcua-client";
import type { NodeId } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";
import { streamOver } from "../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";

type AddressSpace = NonNullable<OPCUAServer["engine"]["addressSpace"]>;
type DataTypeNode = ReturnType<ReturnType<AddressSpace["getOwnNamespace"]>["createDataType"]>;

export interface Field {
  readonly name: string;
  readonly dataType: DataType | DataTypeNode;
  readonly isArray?: boolean;
  readonly isOptional?: boolean;
}

/** A type with an encoding of its own. */
export function addStructureType(
  { engine: { addressSpace } }: OPCUAServer,
  browseName: string,
  fields: readonly Field[],
  subtypeOf: "Structure" | "Union" = "Structure",
): DataTypeNode {
  if (addressSpace === null) throw new TypeError("server has no address space");
  const namespace = addressSpace.getOwnNamespace();
  const type = namespace.createDataType({
    browseName,
    isAbstract: false,
    subtypeOf,
    partialDefinition: definitionOf(fields),
  });
  namespace.addObject({
    browseName: { namespaceIndex: 0, name: "Default Binary" },
    encodingOf: type,
    typeDefinition: "DataTypeEncodingType",
  });
  return type;
}

/** Changes a type while the server runs. */
export function setFields(type: DataTypeNode, fields: readonly Field[]): void {
  Object.assign(type, { $fullDefinition: undefined, $partialDefinition: definitionOf(fields) });
}

function definitionOf(fields: readonly Field[]) {
  return fields.map(({ name, dataType, isArray, isOptional }) => ({
    name,
    dataType: typeof dataType === "number" ? `i=${dataType}` : dataType.nodeId,
    valueRank: isArray === true ? 1 : -1,
    description: "",
    ...(isOptional === true ? { isOptional } : {}),
  }));
}

/** Of the variable `s={name}`. */
export function setDataType({ engine }: OPCUAServer, name: string, dataType: NodeId): void {
  Object.assign(engine.addressSpace?.findNode(`ns=1;s=${name}`) ?? {}, { dataType });
}

export interface MotorTypes {
  readonly motor: DataTypeNode;
  readonly phase: DataTypeNode;
  readonly mode: DataTypeNode;
}

export function addMotorTypes(server: OPCUAServer): MotorTypes {
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new TypeError("server has no address space");
  const mode = addressSpace
    .getOwnNamespace()
    .addEnumerationType({ browseName: "Mode", enumeration: ["Off", "Manual", "Automatic"] });
  const drive = addStructureType(server, "DriveType", [
    { name: "Speed", dataType: DataType.Double },
    { name: "Hours", dataType: DataType.Int64 },
    { name: "Mode", dataType: mode },
  ]);
  const phase = addStructureType(server, "PhaseType", [
    { name: "Current", dataType: DataType.Float },
    { name: "Name", dataType: DataType.String },
  ]);
  const motor = addStructureType(server, "MotorType", [
    { name: "Drive", dataType: drive },
    { name: "Phases", dataType: phase, isArray: true },
    { name: "Curve", dataType: DataType.Double, isArray: true },
    { name: "Title", dataType: DataType.LocalizedText },
    { name: "Spare", dataType: DataType.UInt16, isOptional: true },
  ]);
  return { motor, phase, mode };
}

/** Of its type, as the library holds a structure that it does not know: the server's own constructors are not there before it starts. */
export function structureOfType(type: DataTypeNode, body: readonly number[]): Variant {
  const { namespace, value } = type.binaryEncodingNodeId ?? {};
  if (typeof value !== "number" || namespace === undefined) throw new TypeError("the type has no numeric encoding");
  const nodeId = [2, namespace & 0xff, namespace >> 8, ...uint32(value)];
  const bytes = Buffer.from([DataType.ExtensionObject, ...nodeId, 1, ...uint32(body.length), ...body]);
  const variant = new Variant();
  variant.decode(streamOver(bytes));
  return variant;
}

export function arrayOf(structures: readonly Variant[]): Variant {
  const value = structures.map((one): unknown => one.value);
  return new Variant({ dataType: DataType.ExtensionObject, arrayType: VariantArrayType.Array, value });
}

export function motorBody(speed: number, spare?: number): readonly number[] {
  return [
    ...uint32(spare === undefined ? 0 : 1), // which optional members there are
    ...double(speed),
    ...new Uint8Array(BigInt64Array.of(0x7fff_ffff_ffff_ffffn).buffer), // Hours
    ...uint32(2), // Mode
    ...uint32(2),
    ...phaseBody(1.5, "L1"),
    ...phaseBody(2.5, "L2"),
    ...uint32(3),
    ...new Uint8Array(Float64Array.of(1, 2, 3).buffer), // Curve
    2, // Title: text only
    ...text("Pumpe"),
    ...(spare === undefined ? [] : [spare & 0xff, spare >> 8]),
  ];
}

export function phaseBody(current: number, name: string): readonly number[] {
  return [...new Uint8Array(Float32Array.of(current).buffer), ...text(name)];
}

export function double(value: number): Uint8Array {
  return new Uint8Array(Float64Array.of(value).buffer);
}

export function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

function text(content: string): readonly number[] {
  const bytes = Buffer.from(content);
  return [...uint32(bytes.length), ...bytes];
}
