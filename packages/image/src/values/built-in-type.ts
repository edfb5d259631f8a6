// The type of a value, in OPC UA vocabulary for both protocols.
// Numbers and names: OPC 10000-6 (Mappings), 5.1.2, Table 1 "Built-in DataTypes".

/** The 25 built-in types by name. 0 stands for "no value yet, type unknown". */
export const BuiltInType = {
  Null: 0,
  Boolean: 1,
  SByte: 2,
  Byte: 3,
  Int16: 4,
  UInt16: 5,
  Int32: 6,
  UInt32: 7,
  Int64: 8,
  UInt64: 9,
  Float: 10,
  Double: 11,
  String: 12,
  DateTime: 13,
  Guid: 14,
  ByteString: 15,
  XmlElement: 16,
  NodeId: 17,
  ExpandedNodeId: 18,
  StatusCode: 19,
  QualifiedName: 20,
  LocalizedText: 21,
  ExtensionObject: 22,
  DataValue: 23,
  Variant: 24,
  DiagnosticInfo: 25,
} as const;

export type BuiltInTypeName = keyof typeof BuiltInType;
export type BuiltInType = (typeof BuiltInType)[BuiltInTypeName];

const names = Object.keys(BuiltInType) as BuiltInTypeName[];

/** The name of a type number; "Null" for a number outside the table. */
export function builtInTypeName(type: number): BuiltInTypeName {
  return names[type] ?? "Null";
}
