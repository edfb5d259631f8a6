import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { assert as check, bigInt, property } from "fast-check";
import {
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
import {
  dateToTicks,
  sixtyFourBits,
  ticksToText,
  timestampOf,
} from "../../../../packages/partition/src/protocols/opcua/wire-numbers.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import type { Value } from "../../../../packages/image/src/values/value.ts";
import { addConstant, nodeNamed, type RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";
import { opaque, structureOf } from "./own-structure.ts";

const { NodeIdType } = NodeId;
const guid = "72962B91-FA75-4AE6-8D28-B404DC7DAF63";
const maxDate = new Date(Number(0x7fffffffffffffffn / 10_000n) - 11_644_473_600_000);

interface Case {
  readonly name: string;
  readonly type: DataType;
  readonly wire: unknown;
  readonly value: Value["value"];
}

function scalar(type: DataType, wire: unknown, value: Value["value"]): Case {
  return {
    name: `${DataType[type]} ${JSON.stringify(value, bigintText).slice(0, 60)}`,
    type,
    wire,
    value,
  };
}

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

const cases: readonly Case[] = [
  scalar(DataType.Boolean, true, true),
  scalar(DataType.SByte, -128, -128),
  scalar(DataType.Byte, 255, 255),
  scalar(DataType.Int16, -32768, -32768),
  scalar(DataType.UInt16, 65535, 65535),
  scalar(DataType.Int32, -2147483648, -2147483648),
  scalar(DataType.UInt32, 4294967295, 4294967295),
  scalar(DataType.Int64, [0x80000000, 0], -9223372036854775808n),
  scalar(DataType.Int64, [0x7fffffff, 0xffffffff], 9223372036854775807n),
  scalar(DataType.Int64, [0xffffffff, 0xffffffff], -1n),
  scalar(DataType.UInt64, [0xffffffff, 0xffffffff], 18446744073709551615n),
  scalar(DataType.Float, 0.5, 0.5),
  scalar(DataType.Double, Number.NaN, Number.NaN),
  scalar(DataType.Double, -Infinity, -Infinity),
  scalar(DataType.Double, -0, -0),
  scalar(DataType.String, "Grüße 😀\u0000", "Grüße 😀\u0000"),
  scalar(DataType.String, "", ""),
  scalar(DataType.String, null, null),
  scalar(DataType.DateTime, new Date(Date.UTC(1601, 0, 1)), 0n),
  scalar(DataType.DateTime, Object.assign(new Date(0), { picoseconds: 123_400_000 }), 116444736000001234n),
  scalar(DataType.DateTime, Object.assign(maxDate, { picoseconds: 580_700_000 }), 0x7fffffffffffffffn),
  scalar(DataType.Guid, guid, guid),
  scalar(DataType.ByteString, Buffer.from([0, 255]), Buffer.from([0, 255])),
  scalar(DataType.ByteString, Buffer.alloc(0), Buffer.alloc(0)),
  scalar(DataType.ByteString, null, null),
  scalar(DataType.XmlElement, "<a>ü</a>", "<a>ü</a>"),
  scalar(DataType.NodeId, new NodeId(NodeIdType.STRING, 'x";y', 2), '"ns=2;s=x\\";y"'),
  scalar(DataType.NodeId, new NodeId(NodeIdType.GUID, guid, 0), `"g=${guid}"`),
  scalar(DataType.NodeId, new NodeId(NodeIdType.BYTESTRING, Buffer.from("hi"), 3), '"ns=3;b=aGk="'),
  scalar(
    DataType.ExpandedNodeId,
    new ExpandedNodeId(NodeIdType.NUMERIC, 7, 0, "urn:a;b%c", 4),
    '"svr=4;nsu=urn:a%3Bb%25c;i=7"',
  ),
  scalar(DataType.StatusCode, StatusCodes.BadSensorFailure, 0x808c0000),
  scalar(DataType.QualifiedName, new QualifiedName({ namespaceIndex: 2, name: "Ä" }), '"2:Ä"'),
  scalar(DataType.QualifiedName, new QualifiedName({ namespaceIndex: 0, name: "B" }), '"B"'),
  scalar(DataType.LocalizedText, new LocalizedText({ locale: "de", text: "Druck" }), '{"Locale":"de","Text":"Druck"}'),
  scalar(DataType.LocalizedText, new LocalizedText({ locale: null, text: null }), "{}"),
  scalar(
    DataType.DataValue,
    new DataValue({
      value: new Variant({ dataType: DataType.Int64, arrayType: VariantArrayType.Scalar, value: [0, 5] }),
      statusCode: StatusCodes.UncertainLastUsableValue,
      sourceTimestamp: new Date(Date.UTC(2020, 1, 2, 3, 4, 5, 600)),
    }),
    `{"UaType":8,"Value":5,"StatusCode":${StatusCodes.UncertainLastUsableValue.value},"SourceTimestamp":"2020-02-02T03:04:05.6Z"}`,
  ),
  scalar(
    DataType.DiagnosticInfo,
    new DiagnosticInfo({ symbolicId: 3, additionalInfo: "more", innerStatusCode: StatusCodes.BadTimeout }),
    '{"SymbolicId":3,"AdditionalInfo":"more","InnerStatusCode":2148139008}',
  ),
];

const arrays: readonly { readonly name: string; readonly variant: Variant; readonly value: Value }[] = [
  {
    name: "array of Double",
    variant: new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value: [1, Number.NaN] }),
    value: { type: BuiltInType.Double, value: [1, Number.NaN] },
  },
  {
    name: "array of UInt64",
    variant: new Variant({ dataType: DataType.UInt64, arrayType: VariantArrayType.Array, value: [[1, 2]] }),
    value: { type: BuiltInType.UInt64, value: [4294967298n] },
  },
  {
    name: "empty array of String",
    variant: new Variant({ dataType: DataType.String, arrayType: VariantArrayType.Array, value: [] }),
    value: { type: BuiltInType.String, value: [] },
  },
  {
    name: "null array of Int32",
    variant: new Variant({ dataType: DataType.Int32, arrayType: VariantArrayType.Array, value: null }),
    value: { type: BuiltInType.Int32, value: [] },
  },
  {
    name: "matrix",
    variant: new Variant({
      dataType: DataType.Int16,
      arrayType: VariantArrayType.Matrix,
      dimensions: [2, 3],
      value: [1, 2, 3, 4, 5, 6],
    }),
    value: { type: BuiltInType.Int16, value: [1, 2, 3, 4, 5, 6], dimensions: [2, 3] },
  },
  {
    name: "array of Variant with nested arrays",
    variant: new Variant({
      dataType: DataType.Variant,
      arrayType: VariantArrayType.Array,
      value: [
        new Variant({ dataType: DataType.Float, value: Number.NaN }),
        new Variant({
          dataType: DataType.Byte,
          arrayType: VariantArrayType.Matrix,
          dimensions: [1, 2],
          value: Buffer.from([1, 2]),
        }),
      ],
    }),
    value: {
      type: BuiltInType.Variant,
      value: ['{"UaType":10,"Value":"NaN"}', '{"UaType":3,"Value":[1,2],"Dimensions":[1,2]}'],
    },
  },
];

/** Of one poll of everything. */
let sink: RecordingSink;

const rig = new OpcUaRig({
  policies: [],
  build: (built) => {
    cases.forEach(({ type, wire }, i) =>
      addConstant(built, `c${i}`, new Variant({ dataType: type, arrayType: VariantArrayType.Scalar, value: wire })),
    );
    arrays.forEach(({ variant }, i) => addConstant(built, `a${i}`, variant));
    addConstant(built, "structure", structureOf(built));
    addConstant(built, "unknown structure", opaque(new NodeId(NodeIdType.NUMERIC, 99999, 1), [1, 2, 255]));
    addConstant(built, "null", new Variant({ dataType: DataType.Null }));
  },
});

const nodes = [
  ...cases.map((_, i) => nodeNamed(`c${i}`)),
  ...arrays.map((_, i) => nodeNamed(`a${i}`)),
  nodeNamed("structure"),
  nodeNamed("null"),
  nodeNamed("unknown structure"),
  nodeNamed("status", { namespace: { index: 0 }, identifier: { type: "Numeric", value: 2256 } }),
];

beforeEach(async () => {
  sink ??= await polled(await rig.connected({ nodes, timeoutMs: 30_000 }));
});

describe("every built-in type arrives exactly", () => {
  cases.forEach(({ name, type, value }, i) => {
    test(name, () => {
      assert.equal(sink.statuses.get(i), 0);
      assert.deepEqual(sink.values.get(i), { type, value });
      if (type >= DataType.NodeId && type !== DataType.StatusCode) JSON.parse(value as string);
    });
  });

  arrays.forEach(({ name, value }, i) => {
    test(name, () => assert.deepEqual(sink.values.get(cases.length + i), value));
  });

  test("a structure is decoded with the server's type definitions", () => {
    const { type, value } = sink.values.get(cases.length + arrays.length) ?? { type: 0, value: "" };
    assert.equal(type, BuiltInType.ExtensionObject);
    const { UaTypeId, ...fields } = JSON.parse(value as string) as Record<string, unknown>;
    assert.match(String(UaTypeId), /^ns=1;i=\d+$/);
    assert.deepEqual(fields, { Count: -2, Speeds: [1.5, "Infinity"], Title: { Text: "Antrieb" }, Ramp: 20 });
  });

  test("a structure whose type the server does not tell keeps its bytes", () => {
    assert.deepEqual(sink.values.get(cases.length + arrays.length + 2), {
      type: BuiltInType.ExtensionObject,
      value: '{"UaTypeId":"ns=1;i=99999","UaEncoding":1,"UaBody":"AQL/"}',
    });
  });

  test("a value without a type is Null", () => {
    assert.deepEqual(sink.values.get(cases.length + arrays.length + 1), { type: BuiltInType.Null, value: null });
  });

  test("a structure of the standard is decoded, nested ones and enumerations too", () => {
    const value = sink.values.get(cases.length + arrays.length + 3)?.value;
    const status = JSON.parse(value as string) as Record<string, unknown>;
    assert.equal(status["UaTypeId"], "i=862");
    assert.equal(status["State"], 0);
    assert.equal(typeof (status["BuildInfo"] as Record<string, unknown>)["ProductName"], "string");
  });
});

describe("numbers of the wire", () => {
  test("64-bit integers survive in both halves", () => {
    check(
      property(bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bits = BigInt.asUintN(64, value);
        const pair = [Number(bits >> 32n), Number(bits & 0xffffffffn)];
        assert.equal(sixtyFourBits(pair, true), value);
        assert.equal(sixtyFourBits(pair, false), bits);
      }),
    );
  });

  test("ticks survive the detour over Date and picoseconds", () => {
    check(
      property(bigInt({ min: 0n, max: 2n ** 63n - 1n }), (ticks) => {
        const date = new Date(Number(ticks / 10_000n) - 11_644_473_600_000);
        assert.equal(dateToTicks(date, Number(ticks % 10_000n) * 100_000), ticks);
      }),
    );
  });

  test("DateTime text is ISO 8601, from the earliest to the latest", () => {
    assert.equal(ticksToText(0n), "0001-01-01T00:00:00Z");
    assert.equal(ticksToText(0x7fffffffffffffffn), "9999-12-31T23:59:59Z");
    assert.equal(ticksToText(116444736000000001n), "1970-01-01T00:00:00.0000001Z");
    assert.equal(ticksToText(116444735999999999n), "1969-12-31T23:59:59.9999999Z");
  });

  test("a source timestamp that is none is left out", () => {
    assert.equal(timestampOf(null, 0), undefined);
    assert.equal(timestampOf(new Date(Date.UTC(1601, 0, 1)), 0), undefined);
    assert.equal(timestampOf(maxDate, 0), undefined);
    assert.deepEqual(timestampOf(new Date(-1), 999_999_999), { unixMs: -1, subMsNs: 999_999 });
  });
});
