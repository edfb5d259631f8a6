// Every built-in type at its extremes, alone, in arrays and in matrices, from a real server to the sink and into the document.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";

import { DataType, DataValue, StatusCodes, Variant, VariantArrayType } from "node-opcua-client";
import type { ReadResponse, StatusCode } from "node-opcua-client";

import type { OpcUaClient } from "../../../../packages/partition/src/library/opcua-client.ts";
import { BuiltInType } from "../../../../packages/image/src/values/built-in-type.ts";
import type { Scalar, Value } from "../../../../packages/image/src/values/value.ts";
import { documentForm } from "../../../../packages/documents/src/document-form.ts";
import { DocumentRenderer } from "../../../../packages/documents/src/document-renderer.ts";
import { imageOf, poll, serverOf } from "../../../image/sample-image.ts";
import { elementsByType } from "./every-variant.ts";
import { addConstant, nodeNamed, type RecordingSink } from "../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../plant/opcua-rig.ts";

interface Case {
  readonly what: string;
  readonly variant: Variant;
  readonly value: Value;
}

function twoByTwo<T>(elements: readonly T[]): T[] {
  return [...elements.slice(0, 2), ...elements.slice(0, 2)];
}

const cases: readonly Case[] = [...elementsByType].flatMap(([dataType, elements]) => {
  const type = dataType as number as BuiltInType;
  const name = DataType[dataType];
  const wire = elements.map((element) => element.wire);
  const values = elements.map((element) => element.value);
  const of = (arrayType: VariantArrayType, value: unknown, dimensions: number[] | null = null): Variant =>
    new Variant({ dataType, arrayType, value, dimensions });
  const { Scalar: one, Array: list, Matrix: matrix } = VariantArrayType;
  const scalars: Case[] = elements.map((element, index) => ({
    what: `${name} ${index}`,
    variant: of(one, element.wire),
    value: { type, value: element.value },
  }));
  const square = { type, value: twoByTwo(values), dimensions: [2, 2] };
  return scalars.concat([
    { what: `${name} array`, variant: of(list, wire), value: { type, value: values } },
    { what: `${name} empty array`, variant: of(list, []), value: { type, value: [] } },
    { what: `${name} matrix`, variant: of(matrix, twoByTwo(wire), [2, 2]), value: square },
  ]);
});

const changing = 0;
const rig = new OpcUaRig({
  policies: [],
  build: (built) => {
    cases.forEach(({ variant }, index) => addConstant(built, `v${index}`, variant));
    addConstant(built, "changing", new Variant({ dataType: DataType.Double, value: 0 }));
  },
  client: { nodes: [nodeNamed("changing")], timeoutMs: 30_000 },
});

/** Of one poll of all cases. */
let sink: RecordingSink;

beforeEach(async () => {
  sink ??= await polled(await rig.connected({ nodes: cases.map((_, index) => nodeNamed(`v${index}`)) }));
});

/** Polls once; the server's answer for the changing node is this. */
function polledWith(client: OpcUaClient, change: Partial<DataValue>): Promise<RecordingSink> {
  const onResponse = (message: unknown): void => {
    const { results } = message as ReadResponse;
    const result = results?.[changing];
    if (result !== undefined) Object.assign(result, change);
  };
  return rig.during("response", onResponse, () => polled(client));
}

describe("exactly what the server has arrives", () => {
  cases.forEach(({ what, value }, index) => {
    test(what, () => {
      assert.equal(sink.statuses.get(index), 0);
      assert.deepEqual(sink.values.get(index), value);
    });
  });

  test("the table holds all types but Null and structures, which values.test.ts reads", () => {
    const present = new Set([...elementsByType.keys()].map(Number));
    const missing = Object.values(BuiltInType).filter((type) => !present.has(type));
    assert.deepEqual(missing, [BuiltInType.Null, BuiltInType.ExtensionObject]);
  });
});

describe("status and time", () => {
  const statuses: readonly (readonly [StatusCode, boolean])[] = [
    [StatusCodes.Good, true],
    [StatusCodes.GoodLocalOverride, true],
    [StatusCodes.GoodClamped, true],
    [StatusCodes.UncertainLastUsableValue, true],
    [StatusCodes.UncertainSensorNotAccurate, true],
    [StatusCodes.BadSensorFailure, false],
    [StatusCodes.BadWaitingForInitialData, false],
    [StatusCodes.Bad, false],
  ];
  const moment = new Date(1_700_000_000_123);
  for (const [statusCode, hasValue] of statuses) {
    for (const sourceTimestamp of [null, moment]) {
      const time = sourceTimestamp === null ? "no time" : "a time";
      test(`${statusCode.name} with ${time} is ${hasValue ? "a value" : "no value"} with exactly this status`, async () => {
        const seen = await polledWith(await rig.connected(), { statusCode, sourceTimestamp, sourcePicoseconds: 0 });
        assert.equal(seen.statuses.get(changing), statusCode.value);
        assert.deepEqual(seen.values.get(changing), hasValue ? { type: BuiltInType.Double, value: 0 } : undefined);
        const expected = hasValue && sourceTimestamp !== null ? { unixMs: moment.getTime(), subMsNs: 0 } : undefined;
        assert.deepEqual(seen.timestamps.get(changing), expected);
      });
    }
  }

  test("a bad status with a value left in it is no value", async () => {
    const value = new Variant({ dataType: DataType.Double, value: 42 });
    const seen = await polledWith(await rig.connected(), { statusCode: StatusCodes.BadSensorFailure, value });
    assert.equal(seen.values.get(changing), undefined);
  });
});

test("a node may change its type and shape from poll to poll, and the document follows", async () => {
  const { blocks, reader } = imageOf(serverOf("S", 4096));
  const [block] = blocks;
  assert.ok(block);
  const client = await rig.connected();
  const renderer = new DocumentRenderer(reader, documentForm("opcua", { unreadable: "text", strictJson: true }));
  for (const { what, variant, value } of cases) {
    const seen = await polledWith(client, { value: variant });
    assert.deepEqual(seen.values.get(changing), value, what);
    poll(block, (into) => into.setValue(0, seen.values.get(changing) ?? assert.fail(), 0));
    const document = JSON.parse(Buffer.from(renderer.render(1 << 20).bytes).toString("utf8")) as Readonly<
      Record<string, { readonly value: unknown; readonly varType: string; readonly statusCode?: number }>
    >;
    const entry = document["S: 0"];
    if (value.value === null) {
      assert.equal(entry, undefined, what);
      continue;
    }
    assert.ok(entry, what);
    // Some of these values are larger than the point's room: then there is a status and no value.
    if (entry.statusCode === undefined) assert.equal(entry.varType, DataType[variant.dataType], what);
    else assert.ok(longest(value) > 4000, what);
  }
});

function longest({ value }: Value): number {
  const lengths = (Array.isArray(value) ? (value as readonly Scalar[]) : [value as Scalar]).map((element) =>
    typeof element === "string" || element instanceof Uint8Array ? element.length : 0,
  );
  return Math.max(0, ...lengths);
}
