import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect as inspectWith } from "node:util";
import * as fc from "fast-check";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { doubleToJson } from "../../packages/image/src/values/double-json.ts";
import type { PointSink } from "../../packages/image/src/point-sink.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import type { Value } from "../../packages/image/src/values/value.ts";
import {
  estimateDocumentBytes,
  minimumSegmentBytes,
  segmentBytes,
} from "../../packages/documents/src/document-size.ts";
import { parseDocument } from "./parse-document.ts";
import { modbusServer, Rendering } from "./documents.ts";

/** Keys in their order, NaN and -0 as they are. */
const inspect = (document: unknown): string =>
  inspectWith(document, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity });

const points = 4;
const servers = [modbusServer("A", "0", "1", "2", "3"), modbusServer("B", "0", "1", "2", "3")];

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.double().map((content): Value => ({ type: BuiltInType.Double, value: content })),
  fc.float().map((content): Value => ({ type: BuiltInType.Float, value: content })),
  fc.integer().map((content): Value => ({ type: BuiltInType.Int32, value: content })),
  fc.nat({ max: 3 }).map((content): Value => ({ type: BuiltInType.UInt16, value: content })),
  fc.boolean().map((content): Value => ({ type: BuiltInType.Boolean, value: content })),
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map((content): Value => ({ type: BuiltInType.Int64, value: content })),
  fc.bigInt({ min: 0n, max: 2n ** 62n }).map((content): Value => ({ type: BuiltInType.DateTime, value: content })),
  fc
    .option(fc.string({ unit: "grapheme", maxLength: 30 }))
    .map((content): Value => ({ type: BuiltInType.String, value: content })),
  fc.array(fc.integer({ min: 0, max: 255 })).map((content): Value => ({ type: BuiltInType.Byte, value: content })),
  fc.uint8Array({ maxLength: 40 }).map((content): Value => ({ type: BuiltInType.ByteString, value: content })),
);

const server = fc.nat({ max: 1 });
const point = fc.nat({ max: points - 1 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("poll"),
      server,
      sets: fc.array(fc.record({ point, value, status: fc.constantFrom(0, 0, 0, 0x40000000, StatusCode.BadTimeout) }), {
        maxLength: 4,
      }),
    }),
  },
  fc.record({ kind: fc.constant("show"), server, connection: fc.constantFrom(...Object.values(ConnectionState)) }),
  fc.record({
    kind: fc.constant("capacity"),
    bytes: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 1500 })),
  }),
);

test("after any sequence of changes the renderer shows what one that starts anew shows", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 30 }), (steps) => {
      const rendering = new Rendering("opcua", ...servers);
      const asText = { unreadable: "text", strictJson: true } as const;
      const textual = rendering.fresh(asText);
      let capacity = Infinity;
      for (const each of steps) {
        if (each.kind === "capacity") capacity = each.bytes;
        else if (each.kind === "show") rendering.show(each.server, each.connection);
        else
          rendering.poll(each.server, (sink) => {
            for (const set of each.sets) sink.setValue(set.point, set.value, set.status);
          });
        const text = rendering.text(capacity);
        assert.ok(Buffer.byteLength(text) <= capacity);
        if (capacity === Infinity) {
          const anew = rendering.text(capacity, rendering.fresh());
          assert.equal(inspect(parseDocument(text)), inspect(parseDocument(anew)));
          const text2 = rendering.text(capacity, textual);
          const anew2 = rendering.text(capacity, rendering.fresh(asText));
          assert.equal(inspect(JSON.parse(text2)), inspect(JSON.parse(anew2)));
        } else if (text !== "") {
          parseDocument(text);
        }
      }
    }),
    { numRuns: 400 },
  );
});

test("the computed size holds the document whatever values of the configured types come", () => {
  const types = [
    BuiltInType.Int64,
    BuiltInType.Double,
    BuiltInType.DateTime,
    BuiltInType.String,
    BuiltInType.ByteString,
  ];
  const widest: readonly Value[] = [
    { type: BuiltInType.Int64, value: -(2n ** 63n) },
    { type: BuiltInType.Double, value: -2.2250738585072014e-308 },
    { type: BuiltInType.DateTime, value: 1n },
    { type: BuiltInType.String, value: "x".repeat(256) },
    { type: BuiltInType.ByteString, value: new Uint8Array(256) },
  ];
  const base = modbusServer("Anlage", "a", "b", "c", "d", "e");
  const group = base.groups[0]!;
  const typed = group.points.map((each, index) => Object.assign({}, each, { type: types[index]! }));
  const described = { ...base, groups: [{ ...group, points: typed }] };
  const rendering = new Rendering("modbus", described);
  rendering.poll(0, (sink) => {
    for (const [index, each] of widest.entries()) sink.setValue(index, each, 0x40000000);
  });
  assert.ok(Buffer.byteLength(rendering.text()) <= estimateDocumentBytes([described]));
});

test("a segment is never smaller than consumers expect, and whole pages beyond that", () => {
  assert.deepEqual([segmentBytes("opcua", []), segmentBytes("modbus", [])], [10_240, 12_288]);
  assert.equal(segmentBytes("opcua", [modbusServer("A", "x")]), minimumSegmentBytes.opcua);
  const large = modbusServer("A", ...Array.from({ length: 500 }, (_, index) => `Name ${index}`));
  const bytes = segmentBytes("modbus", [large]);
  assert.equal(bytes % 4096, 0);
  assert.ok(bytes >= 1.5 * estimateDocumentBytes([large]));
});

test("numbers of many digits and of few, in one document, each have the text of their own", () => {
  const names = ["0", "1", "2", "3", "4", "5"];
  const few = fc.integer({ min: -1e9, max: 1e9 }).map((cents) => cents / 100);
  const round = fc.array(fc.oneof(fc.double(), few), { minLength: names.length, maxLength: names.length });
  fc.assert(
    fc.property(fc.array(round, { minLength: 1, maxLength: 5 }), (rounds) => {
      const rendering = new Rendering("opcua", modbusServer("A", ...names));
      for (const numbers of rounds) {
        rendering.values(...numbers.map((number): Value => ({ type: BuiltInType.Double, value: number })));
        const shown = [...rendering.text().matchAll(/"A: \d":\{"value": *("?[^" ,]+"?),/g)].map(([, text]) => text);
        assert.deepEqual(
          shown,
          numbers.map((number) => doubleToJson(number, "tokens")),
        );
      }
    }),
  );
});

/** Two servers; the points of the first are in two groups, by turns. */
function twoGroups(): Rendering {
  const base = modbusServer("A", "0", "1", "2", "3");
  const all = base.groups[0]!;
  const groups = [0, 1].map((group) => ({
    name: String(group),
    intervalMs: 100 * 50 ** group,
    points: all.points.flatMap((own, serverPosition) =>
      serverPosition % 2 === group ? [Object.assign({}, own, { serverPosition })] : [],
    ),
  }));
  return new Rendering("modbus", { ...base, groups }, modbusServer("B", "0"));
}

const connectionOfA = "ModbusTCP Connections:A: Connection status";
const fill = (sink: PointSink): void => {
  for (const index of [0, 1]) sink.setNumber(index, BuiltInType.UInt16, index);
};

test("the document has the order of the configuration, whichever group a point is in", () => {
  const rendering = twoGroups().poll(0, fill).poll(1, fill).poll(2);
  assert.deepEqual(Object.keys(rendering.document()).slice(0, 5), [connectionOfA, "A: 0", "A: 1", "A: 2", "A: 3"]);
  rendering.poll(1, (sink) => sink.setNumber(0, BuiltInType.UInt16, 77));
  assert.equal(rendering.document()["A: 1"]?.value, 77);
});

test("a server is connected when one of its groups is, and only what that one has read is there", () => {
  const rendering = twoGroups().poll(1, fill);
  assert.deepEqual(Object.keys(rendering.document()).slice(0, 3), [connectionOfA, "A: 1", "A: 3"]);
  assert.equal(rendering.document()[connectionOfA]?.value, true);
  rendering.show(1, ConnectionState.lost);
  assert.equal(rendering.document()[connectionOfA]?.value, false);
  assert.equal(rendering.document()["A: 1"], undefined);
});
