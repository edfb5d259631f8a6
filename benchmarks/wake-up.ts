// How long from a publish until a reader that sleeps in another process is awake? The clock is read just before `publish` is called, and
// first thing after the sleep; both processes have the same monotonic clock. Needs gcc.
//
//   node benchmarks/wake-up.ts [--json]

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { BuiltInType } from "../packages/image/src/values/built-in-type.ts";
import { compiledPeer, nodePeer, type Command } from "./compiled-peer.ts";
import { doublesOnly, fullPrecision, setAll } from "./plant-values.ts";
import { quantile, tell, type Line } from "./report.ts";
import { numbersImage } from "./shared-image.ts";

const POINTS = 1000;
const RUNS = 5;
const WAKE_UPS = 1000;

interface Samples {
  readonly wakeUs: readonly number[];
  readonly copyUs: readonly number[];
}

async function measure([program, ...parameters]: Command): Promise<Samples> {
  using image = numbersImage(doublesOnly, POINTS);
  const child = spawn(program, [...parameters, image.name, String(WAKE_UPS)], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  const answered = lines.next();
  const over = new AbortController();
  child.once("exit", () => over.abort());
  for (let round = 0; !over.signal.aborted; round++) {
    await pause(1 + Math.random()); // until the reader sleeps again
    image.publish((block) => {
      setAll(block, doublesOnly, fullPrecision, round);
      block.setNumber(0, BuiltInType.Double, Number(process.hrtime.bigint()));
    });
  }
  return JSON.parse((await answered).value ?? "null") as Samples;
}

/** Each figure is the median of what the runs had. */
function linesOf(language: string, runs: readonly Samples[]): readonly Line[] {
  const over = (figure: (run: Samples) => number): number => quantile(runs.map(figure), 0.5);
  return [
    { what: `${language}: publish to awake, median us`, figure: over(({ wakeUs }) => quantile(wakeUs, 0.5)) },
    {
      what: `${language}: publish to awake, 99th percentile us`,
      figure: over(({ wakeUs }) => quantile(wakeUs, 0.99)),
      atMost: 300,
    },
    {
      what: `${language}: the snapshot right after it, median us`,
      figure: over(({ copyUs }) => quantile(copyUs, 0.5)),
    },
  ];
}

const [c, node] = [compiledPeer("wake-up"), nodePeer("wake-up")];
const runs = { c: [] as Samples[], node: [] as Samples[] };
for (let run = 0; run < RUNS; run++) {
  runs.c.push(await measure(c));
  runs.node.push(await measure(node));
}
tell({
  question: "How long from a publish until a sleeping reader is awake?",
  lines: [...linesOf("C", runs.c), ...linesOf("Node", runs.node)],
  remarks: [`medians of ${RUNS} runs of ${WAKE_UPS} publishes of ${POINTS} points, one or two milliseconds apart`],
});
