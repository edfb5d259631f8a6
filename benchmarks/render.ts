// How much faster than JSON.stringify of the equivalent object is the document rendered? The object is kept and only its values are
// exchanged, which is the best that one can do for JSON.stringify; the bytes for the segment it would have to make besides.
//
//   node benchmarks/render.ts [--json]

import { builtInTypeName, BuiltInType } from "../packages/image/src/values/built-in-type.ts";
import { planDirectory } from "../packages/image/src/directory.ts";
import { privateMemory } from "../packages/image/src/image-memory.ts";
import { ImageReader } from "../packages/image/src/image-reader.ts";
import { ImageWriter } from "../packages/image/src/image-writer.ts";
import { ConnectionState } from "../packages/image/src/layout.ts";
import { documentForm } from "../packages/documents/src/document-form.ts";
import { DocumentRenderer } from "../packages/documents/src/document-renderer.ts";
import { doublesOnly, fullPrecision, plantMix, plantServer, setAll, twoDecimals, typeOf } from "./plant-values.ts";
import type { Mix, NumberOf } from "./plant-values.ts";
import { tell, type Line } from "./report.ts";
import { medianUs, timeInTurns } from "./stop-watch.ts";

const POINTS = 1000;
const BATCHES = 3000;

interface Entry {
  value: number | boolean;
  readonly varType: string;
  readonly description: string;
}

/** Two contestants that show the same values. */
function contest(mix: Mix, numberOf: NumberOf) {
  const server = plantServer(mix, POINTS);
  const directory = planDirectory([server]);
  const memory = privateMemory(directory.imageBytes);
  const block = new ImageWriter({ service: "modbus", intervalMs: 1000 }, directory, memory).blocks[0]?.groups[0];
  if (block === undefined) throw new RangeError("the image has no block");
  const renderer = new DocumentRenderer(new ImageReader(memory.buffer), documentForm("modbus"));
  const { connection } = server;
  const object: Record<string, Entry> = {
    [connection.key]: { value: true, varType: "Boolean", description: connection.description },
  };
  const entries = (server.groups[0]?.points ?? []).map((point) => {
    const entry: Entry = { value: 0, varType: builtInTypeName(point.type), description: point.description };
    object[point.key] = entry;
    return entry;
  });
  const poll = (round: number): void => {
    block.begin();
    setAll(block, mix, numberOf, round);
    block.publish(ConnectionState.connected, 1);
  };
  const exchange = (round: number): void => {
    for (const [index, entry] of entries.entries()) {
      const type = typeOf(mix, index);
      const number = numberOf(type, index, round);
      entry.value = type === BuiltInType.Boolean ? number !== 0 : number;
    }
  };
  return { poll, exchange, render: () => renderer.render(2 ** 20).bytes, stringify: () => JSON.stringify(object) };
}

/** Both say the same, or there is nothing to compare. */
function requireSame(sides: ReturnType<typeof contest>): void {
  sides.poll(1);
  sides.exchange(1);
  const same = JSON.stringify(JSON.parse(Buffer.from(sides.render()).toString()));
  if (same !== sides.stringify()) throw new TypeError("the two documents differ");
}

function linesOf(what: string, mix: Mix, numberOf: NumberOf, isChanging: boolean, wanted?: string): readonly Line[] {
  const sides = contest(mix, numberOf);
  requireSame(sides);
  const { poll, exchange, render, stringify } = sides;
  const timings = timeInTurns(
    [
      { name: "render", run: render, prepare: (round) => poll(isChanging ? round : 1) },
      { name: "stringify", run: stringify, prepare: (round) => exchange(isChanging ? round : 1) },
      { name: "bytes", run: () => Buffer.from(stringify()), prepare: (round) => exchange(isChanging ? round : 1) },
    ],
    BATCHES,
    1,
  );
  const [ours, theirs, bytes] = ["render", "stringify", "bytes"].map((name) => medianUs(timings, name)) as [
    number,
    number,
    number,
  ];
  return [
    { what: `${what}: rendered, us`, figure: ours },
    { what: `${what}: JSON.stringify, us`, figure: theirs },
    { what: `${what}: JSON.stringify and its bytes, us`, figure: bytes },
    {
      what: `${what}: times faster than JSON.stringify`,
      figure: theirs / ours,
      ...(wanted === undefined ? {} : { wanted }),
    },
  ];
}

tell({
  question: `How long does the document of ${POINTS} points take?`,
  lines: [
    ...linesOf("plant, all values changed", plantMix, twoDecimals, true, "4"),
    ...linesOf("doubles of full precision, all changed", doublesOnly, fullPrecision, true),
    ...linesOf("plant, nothing changed", plantMix, twoDecimals, false),
  ],
  remarks: ["plant: 40 % Boolean, 30 % UInt16, 30 % Double with two decimals", `medians of ${BATCHES} cycles in turns`],
});
