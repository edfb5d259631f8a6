// Every type with the values at its edges, and what a reader must make of each.

import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Value } from "../../packages/image/src/values/value.ts";
import { isInline, writeLongValue } from "../../packages/image/src/long-value.ts";
import type { ServerDescription } from "../../packages/image/src/directory.ts";
import type { GroupBlock } from "../../packages/image/src/group-block.ts";
import { valueJson, type Json } from "./json-form.ts";

export interface Case {
  readonly name: string;
  readonly given: Value;
  readonly capacityBytes: number;
  /** In the form of json-form.ts. */
  readonly expected: Readonly<Record<string, Json>>;
  readonly expectedStatus: number;
}

const T = BuiltInType;
const int64Minimum = -(2n ** 63n);
const int64Maximum = 2n ** 63n - 1n;
const texts = ["", "Größe µ, °C", "🏭🔧", "a\0b\tc", "x".repeat(300), null];
const bytes = [Uint8Array.of(), Uint8Array.of(0, 0xff, 0x80, 10), null];
const guid = "6F9619FF-8B86-D011-B42D-00C04FC964FF";

function whole(name: string, given: Value): Case {
  const isInRecord = !Array.isArray(given.value) && isInline(given.type);
  const capacityBytes = isInRecord ? 0 : writeLongValue(Buffer.alloc(0), given).neededBytes;
  return { name, given, capacityBytes, expected: valueJson(given), expectedStatus: StatusCode.Good };
}

function scalars(type: BuiltInType, values: readonly Value["value"][]): readonly Case[] {
  return values.map((value, index) => whole(`scalar ${type} ${index}`, { type, value }));
}

function cut(name: string, given: Value, capacityBytes: number, kept: Value): Case {
  const expectedStatus = StatusCode.BadEncodingLimitsExceeded;
  return { name, given, capacityBytes, expected: valueJson(kept), expectedStatus };
}

const scalarValues: readonly (readonly [BuiltInType, readonly Value["value"][]])[] = [
  [T.Boolean, [true, false]],
  [T.SByte, [-128, -1, 0, 127]],
  [T.Byte, [0, 255]],
  [T.Int16, [-32768, -1, 32767]],
  [T.UInt16, [0, 65535]],
  [T.Int32, [-(2 ** 31), -1, 2 ** 31 - 1]],
  [T.UInt32, [0, 2 ** 31, 2 ** 32 - 1]],
  [T.Int64, [int64Minimum, -1n, 0n, 2n ** 53n + 1n, int64Maximum]],
  [T.UInt64, [0n, 2n ** 63n, 2n ** 64n - 1n]],
  [T.Float, [0, -0, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -126), (2 - 2 ** -23) * 2 ** 127, Math.fround(0.1)]],
  [T.Double, [0, -0, NaN, Infinity, -Infinity, Number.MIN_VALUE, -Number.MAX_VALUE, 0.1, 2 ** 53 + 2]],
  [T.String, texts],
  [T.DateTime, [0n, int64Minimum, int64Maximum, 133_485_408_000_000_001n]],
  [T.Guid, [guid, null]],
  [T.ByteString, bytes],
  [T.XmlElement, ["<größe>1</größe>", null]],
  [T.NodeId, ['{"IdType":1,"Id":"Ventil Süd","Namespace":2}']],
  [T.ExpandedNodeId, ['{"Id":5,"Namespace":"urn:x","ServerUri":1}']],
  [T.StatusCode, [0, 0x80340000, 0xffffffff]],
  [T.QualifiedName, ['{"Name":"Öl","Uri":1}']],
  [T.LocalizedText, ['{"Locale":"de","Text":"Druck 🏭"}', null]],
  [T.ExtensionObject, ['{"TypeId":{"Id":297},"Body":{"nested":[{"deep":[1,2,null]}]}}']],
  [T.DataValue, ['{"Value":{"Type":11,"Body":"NaN"},"Status":2147483648}']],
  [T.Variant, ['{"Type":8,"Body":"-9223372036854775808"}']],
  [T.DiagnosticInfo, ['{"SymbolicId":3,"InnerDiagnosticInfo":{"SymbolicId":4}}']],
];

function ones(count: number): readonly number[] {
  return Array.from({ length: count }, () => 1);
}

const arrays = scalarValues.flatMap(([type, values]) => {
  // In a packed array there is no null; of the texts there is.
  const elements = values as Extract<Value["value"], readonly unknown[]>;
  return [
    whole(`array ${type}`, { type, value: elements }),
    whole(`empty array ${type}`, { type, value: [] }),
    whole(`null array ${type}`, { type, value: null }),
    whole(`matrix ${type}`, {
      type,
      value: Array.from({ length: 6 }, (_, n) => elements[n % elements.length] ?? null).map((value) =>
        value === null && type !== T.String && type !== T.ByteString ? (elements[0] ?? null) : value,
      ),
      dimensions: type % 2 === 0 ? [2, 3] : [1, 2, 3],
    }),
  ];
});

export const cases: readonly Case[] = [
  ...scalarValues.flatMap(([type, values]) => scalars(type, values)),
  ...arrays,
  whole("no value", { type: T.Null, value: null }),
  cut("text", { type: T.String, value: "Größe" }, 3, { type: T.String, value: "Gr" }),
  cut("emoji", { type: T.String, value: "a🏭" }, 4, { type: T.String, value: "a" }),
  cut("byte string", { type: T.ByteString, value: Uint8Array.of(1, 2, 3) }, 2, {
    type: T.ByteString,
    value: Uint8Array.of(1, 2),
  }),
  cut("numbers", { type: T.Int32, value: [1, -2, 3] }, 11, { type: T.Int32, value: [1, -2] }),
  cut("texts", { type: T.String, value: ["one", null, "seven"] }, 19, { type: T.String, value: ["one", null] }),
  cut("matrix", { type: T.Double, value: [1, 2, 3, 4], dimensions: [2, 2] }, 24, {
    type: T.Double,
    value: [1, 2],
    dimensions: [2, 2],
  }),
  cut("dimensions", { type: T.Double, value: [1, 2, 3, 4], dimensions: [1, 2, 2] }, 12, { type: T.Double, value: [] }),
  whole("as many dimensions as can be", { type: T.Double, value: [42.5], dimensions: ones(255) }),
  cut("more dimensions than can be", { type: T.Double, value: [42.5], dimensions: ones(256) }, 4096, {
    type: T.Double,
    value: [],
  }),
  cut("no room at all", { type: T.String, value: "x" }, 0, { type: T.String, value: "" }),
];

const point = { description: "Beschreibung µ", unit: "m³/h", source: "ns=2;s=Ä" };

/** One server with all cases, one without a point, one that is filled with plain numbers. */
export const servers: readonly ServerDescription[] = [
  {
    alias: "Prüfstand 🏭",
    connection: { key: "OPC UA Connections:Prüfstand", description: "Connection status to the OPC UA server" },
    groups: [
      {
        name: "",
        intervalMs: 250,
        points: cases.map(({ name, given, capacityBytes }) => ({
          ...point,
          key: name,
          type: given.type,
          capacityBytes,
        })),
      },
    ],
  },
  { alias: "empty", connection: { key: "c", description: "" }, groups: [{ name: "", intervalMs: 1, points: [] }] },
  numbersServer("numbers", 20),
];

export function numbersServer(alias: string, count: number): ServerDescription {
  const points = Array.from({ length: count }, (_, n) => ({
    ...point,
    key: `${alias} ${n}`,
    type: T.Double,
    capacityBytes: 0,
  }));
  return {
    alias,
    connection: { key: `${alias} c`, description: "d" },
    groups: [{ name: "", intervalMs: 1000, points }],
  };
}

export function setEveryCase(block: GroupBlock): void {
  setCases(block, cases);
}

export function setCases(block: GroupBlock, list: readonly Case[]): void {
  for (const [index, { given }] of list.entries()) {
    const sourceTimestamp = { unixMs: Date.UTC(2026, 0, 1) + index, subMsNs: 999_999 };
    block.setValue(index, given, StatusCode.Good, ...(index % 3 === 0 ? [] : [sourceTimestamp]));
  }
}
