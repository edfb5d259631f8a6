// Results that stay bytes, against the library's decoding of the same message: the same values for the image, the same objects, the same refusals, and as much
// taken from the budget; of every type, with every mask, and of what is cut off or spoiled.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { DataType, ReadResponse, VariantArrayType } from "node-opcua-client";
import {
  decodeWithinBudgets,
  streamWithin,
} from "../../../../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import { ReadResults } from "../../../../../packages/partition/src/protocols/opcua/channel/read-results.ts";
import { decodeTolerantly } from "../../../../../packages/partition/src/protocols/opcua/channel/tolerant-decoding.ts";
import { rememberBrokenStructures } from "../../../../../packages/partition/src/protocols/opcua/channel/whole-structures.ts";
import type { OpcUaNode } from "../../../../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { silenceNodeOpcUa } from "../../../../../packages/partition/src/protocols/opcua/silence.ts";
import { ValueDelivery } from "../../../../../packages/partition/src/protocols/opcua/value-delivery.ts";
import { JudgingSink } from "../../../../fuzzing/judging-sink.ts";
import { opcUaNode } from "../../../../plant/plant-configuration.ts";
import { RecordingSink } from "../../../../plant/recording-sink.ts";
import { header, words } from "../../../../plant/rogue-opcua.ts";
import { dataValue, diagnostics, shapeOf, spoiled, units } from "./any-data-value.ts";

silenceNodeOpcUa();
decodeTolerantly();
decodeWithinBudgets();
rememberBrokenStructures();

const message = fc
  .tuple(fc.array(dataValue, { maxLength: 8 }), fc.constantFrom(0, 0, 0, 0, 1, -1), diagnostics)
  .map(([results, wrong, rest]) => Buffer.concat([header(1), words(results.length + wrong), ...results, rest]));

type Outcome =
  { readonly refused: string } | { readonly left: number; readonly sink: RecordingSink; readonly objects: unknown };

const places = Array.from({ length: 10 }, (_, index) => [index, opcUaNode(`node ${index}`)] as const);

/** As the gate of the channel judges it. */
function outcomeOf<Of extends ReadResponse>(
  kind: new () => Of,
  bytes: Buffer,
  most: number,
  deliver: (answer: Of, delivery: ValueDelivery, sink: RecordingSink) => unknown,
  nodes: readonly (readonly [number, OpcUaNode])[] = places,
): Outcome {
  const { stream, budget } = streamWithin(Buffer.from(bytes), most);
  const answer = new kind();
  try {
    answer.decode(stream);
  } catch (error) {
    assert.ok(error instanceof Error);
    return { refused: budget.left < 0 ? "limits" : "decoding" };
  }
  if (budget.left < 0) return { refused: "limits" };
  const { left } = budget;
  const sink = new RecordingSink();
  const objects = deliver(answer, new ValueDelivery(nodes, () => 0x8000_0000), sink);
  return { left, sink, objects };
}

function ofLibrary(bytes: Buffer, most: number, nodes?: readonly (readonly [number, OpcUaNode])[]): Outcome {
  return outcomeOf(
    ReadResponse,
    bytes,
    most,
    ({ results }, delivery, sink) => {
      for (const [place, one] of (results ?? []).entries()) delivery.deliver(sink, place, one);
      return (results ?? []).map(shapeOf);
    },
    nodes,
  );
}

function inPlace(bytes: Buffer, most: number, nodes?: readonly (readonly [number, OpcUaNode])[]): Outcome {
  return outcomeOf(
    ReadResults,
    bytes,
    most,
    ({ values: results }, delivery, sink) => {
      const positions = Array.from({ length: results.count }, (_, position) => position);
      const judging = new JudgingSink(sink);
      const statuses = positions.map((position) => delivery.deliverAt(judging, position, results, position));
      assert.deepEqual(
        statuses,
        positions.map((position) => results.at(position).statusCode.value >>> 0),
      );
      return positions.map((position) => shapeOf(results.at(position)));
    },
    nodes,
  );
}

test("whatever a server answers, the image gets what it would get of the library's objects", () => {
  let delivered = 0;
  fc.assert(
    fc.property(message, units, (bytes, most) => {
      const expected = ofLibrary(bytes, most);
      assert.deepEqual(inPlace(bytes, most), expected);
      if ("sink" in expected) delivered += expected.sink.statuses.size;
    }),
    { numRuns: 3000 },
  );
  assert.ok(delivered > 1000, `only ${delivered} values came through`);
});

test("a message that is cut off or spoiled is refused as the library refuses it, as a whole", () => {
  let refused = 0;
  fc.assert(
    fc.property(spoiled(message), units, (bytes, most) => {
      const expected = ofLibrary(bytes, most);
      assert.deepEqual(inPlace(bytes, most), expected);
      if ("refused" in expected) refused++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(refused > 500, `only ${refused} messages were refused`);
});

test("a number where a part of an array was asked for is no part of one", () => {
  const nodes = [[0, { ...opcUaNode("a"), indexRange: "1" }]] as const;
  const bytes = Buffer.concat([header(1), words(1), Buffer.from([1, DataType.Byte, 7]), words(-1)]);
  assert.deepEqual(inPlace(bytes, 1000, nodes), ofLibrary(bytes, 1000, nodes));
});

test("numbers, instants, texts and statuses are not decoded, everything else is", () => {
  const number = Buffer.from([1, DataType.Byte, 7]);
  const array = Buffer.from([1, 0x80 | DataType.Byte, 1, 0, 0, 0, 7]);
  const status = Buffer.from([2, 0, 0, 0x34, 0x80]);
  const large = Buffer.from([1, DataType.UInt64, 1, 0, 0, 0, 0, 0, 0, 0x80]);
  const instant = Buffer.from([1, DataType.DateTime, 1, 0, 0, 0, 0, 0, 0, 0x80]);
  const bytes = Buffer.concat([header(1), words(5), number, array, status, large, instant, words(-1)]);
  const answer = new ReadResults();
  answer.decode(streamWithin(bytes, 1000).stream);
  const results = answer.values;
  assert.deepEqual(
    results.decoded.map(({ value }) => value.arrayType),
    [VariantArrayType.Array],
  );
  assert.deepEqual(
    [0, 1, 2].map((position) => results.plain(position)?.status),
    [0, undefined, 0x8034_0000],
  );
  assert.deepEqual(
    [3, 4].map((position) => results.plain(position)?.other),
    [2n ** 63n + 1n, 1n - 2n ** 63n],
  );
});
