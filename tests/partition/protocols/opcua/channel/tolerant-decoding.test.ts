import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { ConstantStatusCode, type StatusCode } from "node-opcua-status-code";
import {
  DataType,
  DataValue,
  DiagnosticInfo,
  ReadResponse,
  ServiceFault,
  StatusChangeNotification,
  Variant,
  VariantArrayType,
} from "node-opcua-client";
import type { OpcUaClient } from "../../../../../packages/partition/src/library/opcua-client.ts";
import { ConnectionState } from "../../../../../packages/image/src/layout.ts";
import { BuiltInType } from "../../../../../packages/image/src/values/built-in-type.ts";
import type { Value } from "../../../../../packages/image/src/values/value.ts";
import { variantToValue } from "../../../../../packages/partition/src/protocols/opcua/variant-to-value.ts";
import { StatusCode as OurCode } from "../../../../../packages/image/src/values/status-code.ts";
import { DocumentRenderer } from "../../../../../packages/documents/src/document-renderer.ts";
import { documentForm } from "../../../../../packages/documents/src/document-form.ts";
import { imageOf, pointOf, seen, serverOf } from "../../../../image/sample-image.ts";
import { addConstant, never, nodeNamed } from "../../../../plant/opcua-server.ts";
import { OpcUaRig, polled } from "../../../../plant/opcua-rig.ts";
import { chunksOf, receive, receivedVariant } from "./response-chunks.ts";

/** Of each severity, the reserved one too: a vendor's, a later edition's, with info bits, and one that the standard has. */
const codes = [
  0x00ff0000, 0x00ff0481, 0x40ff0000, 0x40ffffff, 0x9abc0000, 0x9abc0500, 0xc0010000, 0xffffffff, 0x00960400,
  0x40a40600, 0x80340000,
];

function codeOf(value: number): StatusCode {
  return new ConstantStatusCode({ value, name: "theirs", description: "" });
}

function double(value: number): Variant {
  return new Variant({ dataType: DataType.Double, value });
}

describe("a status code keeps all its bits", () => {
  for (const code of codes) {
    const text = `0x${code.toString(16).padStart(8, "0")}`;

    test(`${text} of values, in them, and of the whole response`, () => {
      const inner = new DataValue({ value: double(2), statusCode: codeOf(code) });
      const results = [
        new DataValue({ value: double(1), statusCode: codeOf(code) }),
        new DataValue({ value: { dataType: DataType.StatusCode, value: codeOf(code) } }),
        new DataValue({
          value: {
            dataType: DataType.StatusCode,
            arrayType: VariantArrayType.Array,
            value: [codeOf(code), codeOf(code)],
          },
        }),
        new DataValue({ value: { dataType: DataType.DataValue, value: inner } }),
        new DataValue({
          value: { dataType: DataType.DiagnosticInfo, value: new DiagnosticInfo({ innerStatusCode: codeOf(code) }) },
        }),
        new DataValue({
          value: { dataType: DataType.ExtensionObject, value: new StatusChangeNotification({ status: codeOf(code) }) },
        }),
      ];
      const sent = new ReadResponse({ responseHeader: { serviceResult: codeOf(code) }, results });
      const [response] = receive(chunksOf(sent, 65_536)).messages as readonly [ReadResponse];
      const values = (response.results ?? []).map(({ value }) => value.value as unknown);
      assert.equal(response.responseHeader.serviceResult.value, code);
      assert.equal(response.results?.[0]?.statusCode.value, code);
      assert.equal((values[1] as StatusCode).value, code);
      assert.deepEqual(
        (values[2] as readonly StatusCode[]).map(({ value }) => value),
        [code, code],
      );
      assert.equal((values[3] as DataValue).statusCode.value, code);
      assert.equal((values[4] as DiagnosticInfo).innerStatusCode.value, code);
      assert.equal((values[5] as StatusChangeNotification).status.value, code);
    });

    test(`${text} of a fault`, () => {
      const sent = new ServiceFault({ responseHeader: { serviceResult: codeOf(code) } });
      const [fault] = receive(chunksOf(sent, 65_536)).messages as readonly [ServiceFault];
      assert.equal(fault.responseHeader.serviceResult.value, code);
    });
  }
});

function matrixBytes(elements: readonly number[], ...sizes: readonly (readonly number[])[]): readonly number[] {
  return [0xc0 | DataType.Byte, ...elements, sizes.length, 0, 0, 0, ...sizes.flat()];
}

function valueOf(bytes: readonly number[]): Value | undefined {
  const [response] = receivedVariant(bytes).messages as readonly [ReadResponse];
  return variantToValue(response.results?.[0]?.value as Variant);
}

describe("a matrix", () => {
  const minusOne = [0xff, 0xff, 0xff, 0xff];
  const two = [2, 0, 0, 0];
  const { Byte: type } = BuiltInType;

  test("without elements has none, whatever else it says", () => {
    assert.deepEqual(valueOf(matrixBytes(minusOne)), { type, value: [] });
    assert.deepEqual(valueOf(matrixBytes(minusOne, two, [0, 0, 0, 0])), { type, value: [], dimensions: [2, 0] });
    assert.deepEqual(valueOf(matrixBytes([0, 0, 0, 0], two, [0, 0, 0, 0])), { type, value: [], dimensions: [2, 0] });
  });

  test("that claims elements and has none is no value", () => {
    assert.equal(valueOf(matrixBytes(minusOne, two, two)), undefined);
    assert.equal(valueOf(matrixBytes([0, 0, 0, 0], minusOne, minusOne)), undefined);
  });

  test("without dimensions is an array", () => {
    assert.deepEqual(valueOf([0xc0 | DataType.Byte, 1, 0, 0, 0, 7, ...minusOne]), { type, value: [7] });
    assert.deepEqual(valueOf(matrixBytes([1, 0, 0, 0, 7])), { type, value: [7] });
  });
});

describe("a server", () => {
  const matrices: Readonly<Record<string, readonly [elements: readonly number[], dimensions: readonly number[]]>> = {
    whole: [
      [1, 2],
      [2, 1],
    ],
    empty: [[], [0, 5]],
    short: [
      [1, 2, 3],
      [2, 2],
    ],
    long: [
      [1, 2, 3],
      [2, 1],
    ],
  };
  const names = [...codes.map((code) => `code ${code}`), ...Object.keys(matrices), "nested", "after"];

  const rig = new OpcUaRig({
    policies: [],
    build: (built) => {
      for (const name of names) addConstant(built, name, double(1.5));
    },
  });

  before(() => {
    const { engine } = rig.server;
    const read = engine.read.bind(engine);
    engine.read = async (context, request) => {
      const results = await read(context, request);
      return results.map((result, index) => {
        const name = String(request.nodesToRead?.[index]?.nodeId).split(";s=")[1] ?? "";
        const isValue = request.nodesToRead?.[index]?.attributeId === 13;
        return isValue ? (changed(name) ?? result) : result;
      });
    };
  });

  function changed(name: string): DataValue | undefined {
    const code = /^code (\d+)$/.exec(name)?.[1];
    if (code !== undefined) return new DataValue({ value: double(1.5), statusCode: codeOf(Number(code)) });
    const value = name === "nested" ? nested() : matrix(name);
    return value === undefined ? undefined : Object.assign(new DataValue(), { value });
  }

  /** Past the opinion of the library, which makes no such variant. */
  function matrix(name: string): Variant | undefined {
    const [elements, dimensions] = matrices[name] ?? [];
    if (dimensions === undefined) return undefined;
    const value = Float64Array.from(elements ?? []);
    return Object.assign(double(0), { arrayType: VariantArrayType.Matrix, value, dimensions });
  }

  function nested(): Variant {
    return Object.assign(double(0), { dataType: DataType.Variant, value: matrix("short") });
  }

  function connected(...wanted: readonly string[]): Promise<OpcUaClient> {
    return rig.connected({ nodes: wanted.map((name) => nodeNamed(name)) });
  }

  test("that uses a status code of its own keeps its values, in image and document", async () => {
    const wanted = codes.map((code) => `code ${code}`);
    const of = await connected(...wanted);
    const { reader, blocks } = imageOf({
      ...serverOf("A"),
      groups: [{ name: "", intervalMs: 1000, points: wanted.map((name) => pointOf(name)) }],
    });
    blocks[0]?.begin();
    await of.poll(blocks[0]!, never);
    blocks[0]?.publish(ConnectionState.connected);
    const rendered = new DocumentRenderer(reader, documentForm("opcua")).render(1 << 20).bytes;
    const document = JSON.parse(Buffer.from(rendered).toString("utf8")) as Record<string, Record<string, unknown>>;
    for (const [index, code] of codes.entries()) {
      const { status, value } = seen(reader).reading(index);
      const isUsable = code < 0x8000_0000;
      assert.deepEqual([status, value], [code, isUsable ? 1.5 : null], wanted[index]);
      if (!isUsable) continue;
      const entry = document[wanted[index] ?? ""];
      assert.deepEqual([entry?.["value"], entry?.["statusCode"]], [1.5, code]);
    }
  });

  test("whose matrix contradicts itself loses that value alone", async () => {
    const wanted = [...Object.keys(matrices), "nested", "after"];
    const of = await connected(...wanted);
    const sink = await polled(of);
    const answer = await of.readValue("ns=1;s=short");
    const statuses = Object.fromEntries(wanted.map((name, index) => [name, sink.statuses.get(index)]));
    const bad = OurCode.BadDecodingError;
    assert.deepEqual(statuses, {
      whole: 0,
      empty: 0,
      short: bad,
      long: bad,
      nested: bad,
      after: 0,
    });
    const { Double: type } = BuiltInType;
    assert.deepEqual(sink.values.get(0), { type, value: [1, 2], dimensions: [2, 1] });
    assert.deepEqual(sink.values.get(1), { type, value: [] });
    assert.deepEqual(sink.values.get(wanted.length - 1), { type, value: 1.5 });
    assert.deepEqual([answer.value, answer.status], [undefined, bad]);
  });
});
