// Values of all 25 built-in types (OPC 10000-6, 5.1.2) at their extremes, as a server holds them and as the program promises to carry them.

import {
  Argument,
  DataType,
  DataValue,
  DiagnosticInfo,
  ExpandedNodeId,
  LocalizedText,
  NodeId,
  QualifiedName,
  StatusCodes,
  Variant,
  VariantArrayType,
} from "node-opcua-client";

import type { Scalar } from "../../../../packages/image/src/values/value.ts";

const { NodeIdType } = NodeId;

/** One element: what goes onto the wire, and what has to come out. */
export interface Element {
  readonly wire: unknown;
  readonly value: Scalar;
}

function same(...values: readonly Scalar[]): readonly Element[] {
  return values.map((value) => ({ wire: value, value }));
}

function json(wire: unknown, value: string): Element {
  return { wire, value };
}

function sixtyFour(...values: readonly bigint[]): readonly Element[] {
  return values.map((value) => {
    const bits = BigInt.asUintN(64, value);
    return { wire: [Number(bits >> 32n), Number(bits & 0xffff_ffffn)], value };
  });
}

/** 100 ns ticks since 1601; node-opcua holds them as a Date and what is left over. */
function ticks(...values: readonly bigint[]): readonly Element[] {
  return values.map((value) => {
    const date = new Date(Number(value / 10_000n) - 11_644_473_600_000);
    return { wire: Object.assign(date, { picoseconds: Number(value % 10_000n) * 100_000 }), value };
  });
}

const guid = "72962B91-FA75-4AE6-8D28-B404DC7DAF63";
const largestFloat = 2 ** 127 * (2 - 2 ** -23);

function variant(dataType: DataType, value: unknown): Variant {
  return new Variant({ dataType, arrayType: VariantArrayType.Scalar, value });
}

/** Variants in variants, each in an array of one; `{"UaType":24,"Value":[...]}` all the way. */
function nested(depth: number): Element {
  let wire = variant(DataType.Int64, [0x8000_0000, 0]);
  let text = '{"UaType":8,"Value":-9223372036854775808}';
  for (let level = 0; level < depth; level++) {
    wire = new Variant({ dataType: DataType.Variant, arrayType: VariantArrayType.Array, value: [wire] });
    text = `{"UaType":24,"Value":[${text}]}`;
  }
  return json(wire, text);
}

function diagnostics(depth: number): Element {
  let wire = new DiagnosticInfo({ symbolicId: 0x7fff_ffff });
  let text = '{"SymbolicId":2147483647}';
  for (let level = 0; level < depth; level++) {
    wire = new DiagnosticInfo({ innerDiagnosticInfo: wire });
    text = `{"InnerDiagnosticInfo":${text}}`;
  }
  return json(wire, text);
}

/** By type, at least two elements each, so that every type has a matrix. */
export const elementsByType: ReadonlyMap<DataType, readonly Element[]> = new Map<DataType, readonly Element[]>([
  [DataType.Boolean, same(false, true)],
  [DataType.SByte, same(-128, -1, 0, 127)],
  [DataType.Byte, same(0, 1, 255)],
  [DataType.Int16, same(-32_768, -1, 0, 32_767)],
  [DataType.UInt16, same(0, 1, 65_535)],
  [DataType.Int32, same(-2_147_483_648, -1, 0, 2_147_483_647)],
  [DataType.UInt32, same(0, 1, 4_294_967_295)],
  [DataType.Int64, sixtyFour(-(2n ** 63n), -(2n ** 53n) - 1n, -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n)],
  [DataType.UInt64, sixtyFour(0n, 1n, 2n ** 53n + 1n, 2n ** 64n - 1n)],
  [DataType.Float, same(-largestFloat, -0, 0, 2 ** -149, 0.5, largestFloat, Infinity, -Infinity, Number.NaN)],
  [
    DataType.Double,
    same(-Number.MAX_VALUE, -0, 0, Number.MIN_VALUE, 0.1, Number.MAX_VALUE, Infinity, -Infinity, Number.NaN),
  ],
  [DataType.String, same(null, "", "Grüße 😀\u0000\u001b[31m\u2028", "\ufffe", "x".repeat(5000))],
  [DataType.DateTime, ticks(0n, 1n, 116_444_736_000_000_001n, 2_650_467_743_990_000_000n, 2n ** 63n - 1n)],
  [DataType.Guid, same("00000000-0000-0000-0000-000000000000", guid, "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF")],
  [DataType.ByteString, same(null, Buffer.alloc(0), Buffer.from([0, 255]), Buffer.alloc(5000, 0xaa))],
  [DataType.XmlElement, same(null, "", "<a>ü</a>", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')],
  [
    DataType.NodeId,
    [
      json(new NodeId(NodeIdType.NUMERIC, 0, 0), '"i=0"'),
      json(new NodeId(NodeIdType.NUMERIC, 0xffff_ffff, 0xffff), '"ns=65535;i=4294967295"'),
      json(new NodeId(NodeIdType.STRING, 'x";y', 2), '"ns=2;s=x\\";y"'),
      json(new NodeId(NodeIdType.GUID, guid, 0), `"g=${guid}"`),
      json(new NodeId(NodeIdType.BYTESTRING, Buffer.from("hi"), 3), '"ns=3;b=aGk="'),
    ],
  ],
  [
    DataType.ExpandedNodeId,
    [
      json(new ExpandedNodeId(NodeIdType.NUMERIC, 7, 1, "", 0), '"ns=1;i=7"'),
      json(
        new ExpandedNodeId(NodeIdType.NUMERIC, 7, 0, "urn:a;b%c", 0xffff_ffff),
        '"svr=4294967295;nsu=urn:a%3Bb%25c;i=7"',
      ),
    ],
  ],
  [
    DataType.StatusCode,
    [
      { wire: StatusCodes.Good, value: 0 },
      { wire: StatusCodes.BadSensorFailure, value: 0x808c_0000 },
    ],
  ],
  [
    DataType.QualifiedName,
    [
      json(new QualifiedName({ namespaceIndex: 0, name: "" }), '""'),
      json(new QualifiedName({ namespaceIndex: 65_535, name: "Ä" }), '"65535:Ä"'),
      json(new QualifiedName({ namespaceIndex: 1, name: 'a"\\\u001b' }), '"1:a\\"\\\\\\u001b"'),
    ],
  ],
  [
    DataType.LocalizedText,
    [
      json(new LocalizedText({ locale: null, text: null }), "{}"),
      json(new LocalizedText({ locale: "de", text: "Druck" }), '{"Locale":"de","Text":"Druck"}'),
      json(new LocalizedText({ locale: null, text: "\u0000" }), '{"Text":"\\u0000"}'),
    ],
  ],
  [
    DataType.DataValue,
    [
      json(new DataValue({}), "{}"),
      json(
        Object.assign(new DataValue({ statusCode: StatusCodes.UncertainLastUsableValue }), {
          value: variant(DataType.UInt64, [0xffff_ffff, 0xffff_ffff]),
        }),
        `{"UaType":9,"Value":18446744073709551615,"StatusCode":${StatusCodes.UncertainLastUsableValue.value}}`,
      ),
    ],
  ],
  [DataType.Variant, [json(new Variant({}), "{}"), nested(1), nested(3), nested(60)]],
  [DataType.DiagnosticInfo, [json(new DiagnosticInfo({}), "{}"), diagnostics(3), diagnostics(60)]],
]);

/** Every type as scalars, arrays and matrices, empty and null ones too, and what only scalars can show. */
export function sampleVariants(): readonly Variant[] {
  const samples: Variant[] = [
    variant(DataType.Null, null),
    variant(DataType.ExtensionObject, null),
    variant(DataType.ExtensionObject, new Argument({ name: "Length", valueRank: -1, description: "m" })),
  ];
  for (const [dataType, elements] of elementsByType) {
    const wire = elements.map((element) => element.wire);
    for (const value of wire) samples.push(variant(dataType, value));
    const { Array: list, Matrix: matrix } = VariantArrayType;
    samples.push(new Variant({ dataType, arrayType: list, value: wire }));
    samples.push(new Variant({ dataType, arrayType: list, value: [] }));
    samples.push(new Variant({ dataType, arrayType: matrix, dimensions: [2, 1], value: wire.slice(0, 2) }));
  }
  return samples;
}
