// Spoiled Read responses on their way from the chunk to the document: node-opcua's message builder, the decoding of a channel, our values, the
// process image, and the JSON that is rendered of it.
//
// Nothing is promised about what a spoiled message means, but that it becomes values of the promised shape, or nothing.

import assert from "node:assert/strict";

import { DataValue, ReadResponse, StatusCodes } from "node-opcua-client";
import type { Variant } from "node-opcua-client";

import type { DataValues } from "../../packages/partition/src/protocols/opcua/channel/data-values.ts";
import {
  decodeWithinBudgets,
  streamWithin,
} from "../../packages/partition/src/protocols/opcua/channel/decode-budget.ts";
import { limitsOfSession } from "../../packages/partition/src/protocols/opcua/channel/message-limits.ts";
import { ReadResults } from "../../packages/partition/src/protocols/opcua/channel/read-results.ts";
import { readResponseStart } from "../../packages/partition/src/protocols/opcua/channel/response-header.ts";
import { ValueDelivery } from "../../packages/partition/src/protocols/opcua/value-delivery.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { StatusCode } from "../../packages/image/src/values/status-code.ts";
import { parseDocument } from "../documents/parse-document.ts";
import { documentForm } from "../../packages/documents/src/document-form.ts";
import { DocumentRenderer } from "../../packages/documents/src/document-renderer.ts";
import { opcUaNode } from "../plant/plant-configuration.ts";
import { imageOf, pointOf, poll, serverOf } from "../image/sample-image.ts";
import { sampleVariants } from "../partition/protocols/opcua/every-variant.ts";
import { chunksOf, headerBytes, receive } from "../partition/protocols/opcua/channel/response-chunks.ts";
import type { Target } from "./campaign.ts";
import { isFaultOfNodeOpcUa } from "./fault-of-library.ts";
import { JudgingSink } from "./judging-sink.ts";
import { mutate } from "./mutate.ts";
import type { Random } from "./random.ts";

const valuesPerResponse = 6;
/** A document is rendered once in so many inputs. */
const renderEvery = 64;

export function opcuaMessages(): Target {
  decodeWithinBudgets();
  const chunks = sampleChunks();
  const plant = plantOf();
  const notes = { "responses decoded": 0, "values delivered": 0, "faults of node-opcua": 0 };
  const bodies = (chunk: Buffer): readonly Buffer[] => {
    try {
      return receive([chunk]).bodies;
    } catch (error) {
      // In a service it comes out of the socket's callback and is survived there.
      if (!isFaultOfNodeOpcUa(error)) throw error;
      notes["faults of node-opcua"]++;
      return [];
    }
  };
  return {
    name: "OPC UA Read responses",
    run: (random, input) => {
      const chunk = spoiled(random.pick(chunks), random, chunks);
      for (const body of bodies(chunk)) {
        const results = resultsIn(body);
        if (results?.count !== valuesPerResponse) continue;
        notes["responses decoded"]++;
        poll(plant.block, (block) => {
          const sink = new JudgingSink(block);
          for (let place = 0; place < valuesPerResponse; place++) delivery.deliverAt(sink, place, results, place);
          notes["values delivered"] += sink.values;
        });
      }
      if (input % renderEvery === 0) plant.render();
    },
    notes: () => notes,
  };
}

const places = Array.from({ length: valuesPerResponse }, (_, place) => [place, opcUaNode(`node ${place}`)] as const);
const delivery = new ValueDelivery(places, () => StatusCode.BadDataTypeIdUnknown);

/** Undefined: it is refused. */
function resultsIn(body: Buffer): DataValues | undefined {
  const results = new ReadResults();
  try {
    results.decode(streamWithin(readResponseStart(body, 1).bytes, limitsOfSession.units).stream);
    return results.values;
  } catch (error) {
    assert.ok(error instanceof Error);
    return undefined;
  }
}

function plantOf() {
  const server = serverOf("Plant");
  const points = Array.from({ length: valuesPerResponse }, (_, index) =>
    pointOf(`Plant: ${index}`, { capacityBytes: 64 << index }),
  );
  const { blocks, reader } = imageOf({ ...server, groups: [{ name: "", intervalMs: 1000, points }] });
  const [block] = blocks;
  assert.ok(block);
  const renderer = new DocumentRenderer(reader, documentForm("opcua"));
  const render = (): void => {
    const { bytes } = renderer.render(1 << 20);
    const document = parseDocument(Buffer.from(bytes).toString("utf8")) as Readonly<Record<string, unknown>>;
    assert.ok(Object.keys(document).length <= 1 + valuesPerResponse);
  };
  poll(block, (sink) => points.forEach((_, index) => sink.setNumber(index, BuiltInType.Double, 0)));
  return { block, render };
}

function sampleChunks(): readonly Buffer[] {
  const variants = sampleVariants();
  const chunks: Buffer[] = [];
  for (let first = 0; first < variants.length; first += valuesPerResponse) {
    const results = Array.from({ length: valuesPerResponse }, (_, place) => {
      const result = new DataValue({
        sourceTimestamp: place % 2 === 0 ? new Date(1_700_000_000_000 + place) : null,
        sourcePicoseconds: place * 1000,
        statusCode: place % 3 === 0 ? StatusCodes.UncertainLastUsableValue : StatusCodes.Good,
      });
      result.value = variants[(first + place) % variants.length] as Variant;
      return result;
    });
    chunks.push(...chunksOf(new ReadResponse({ results }), 65_536));
  }
  return chunks;
}

function spoiled(chunk: Buffer, random: Random, others: readonly Buffer[]): Buffer {
  if (random.oneIn(8)) return mutate(chunk, random, others);
  const body = mutate(chunk.subarray(headerBytes), random, others);
  const whole = Buffer.concat([chunk.subarray(0, headerBytes), body]);
  whole.writeUInt32LE(whole.length, 4);
  return whole;
}
