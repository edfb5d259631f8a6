// What does a partition cost that makes documents, by process? 1000 registers that all change with each poll, ten polls a second, with the
// journal and without. Both run at the same time, and so do other checkouts, so that all meet the same load.
//
//   node benchmarks/documents-cost.ts [--rounds N] [--seconds N] [--warm SECONDS] [FOLDER...] [--json]

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LineProcess } from "./line-process.ts";
import { modbusConfiguration } from "./plant-configuration.ts";
import { cpuMsOf } from "./process-account.ts";
import { quantile, tell, type Line } from "./report.ts";

const POINTS = 1000;
const INTERVAL_S = "0.1";

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "40" },
    /** Before it is measured: at ten polls a second it takes a minute until most code is compiled. */
    warm: { type: "string", default: "60" },
    json: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const here = fileURLToPath(new URL("..", import.meta.url));
const kinds = [
  { what: "with a journal", folder: here, options: [] },
  { what: "without", folder: here, options: ["--journal-size", "0"] },
  ...positionals.map((folder) => ({ what: folder, folder, options: [] })),
];
type Kind = (typeof kinds)[number];

interface Run {
  readonly kind: Kind;
  readonly child: ChildProcess;
  readonly device: LineProcess;
}

/** In percent of a core, of the partition and of the processes that it has started. */
type Cost = readonly number[];

async function start(kind: Kind, work: string): Promise<Run> {
  const name = `cost_${process.pid}_${kinds.indexOf(kind)}`;
  const device = LineProcess.node("peers/counting-device.ts");
  const file = join(work, `${name}.xml`);
  writeFileSync(file, modbusConfiguration((await device.line())["port"] as number, POINTS));
  const settings = ["--interval", INTERVAL_S, "--prefix", `${name}_`, "--remove-on-exit", "--log-level", "error"];
  const main = join(kind.folder, "packages/partition/src/main.ts");
  const child = spawn(process.execPath, [main, "run", "--modbus", file, ...settings, ...kind.options], {
    cwd: kind.folder,
    env: { ...process.env, NODE_OPTIONS: "--conditions=cpc-source" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return { kind, child, device };
}

async function end({ child, device }: Run): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
  await device[Symbol.asyncDispose]();
}

function takenMs({ child: { pid = 0 } }: Run): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
  return [pid, ...children.map(Number)].map((each) => cpuMsOf(each));
}

async function round(work: string): Promise<readonly Cost[]> {
  const runs: Run[] = [];
  for (const kind of kinds) runs.push(await start(kind, work));
  await pause(1000 * Number(values.warm));
  const before = runs.map(takenMs);
  const startMs = performance.now();
  await pause(1000 * Number(values.seconds));
  const afterMs = performance.now() - startMs;
  const costs = runs.map((run, index) =>
    takenMs(run).map((ms, each) => (100 * (ms - (before[index]?.[each] ?? 0))) / afterMs),
  );
  await Promise.all(runs.map(end));
  // A documents process belongs to each partition of this checkout.
  if (costs.slice(0, 2).some(({ length }) => length < 2))
    throw new TypeError("give --warm more seconds: documents are not made yet");
  return costs;
}

const work = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  const rounds: (readonly Cost[])[] = [];
  while (rounds.length < Number(values.rounds)) rounds.push(await round(work));
  const medianOf = (kind: number, figure: (cost: Cost) => number): number =>
    quantile(
      rounds.map((costs) => figure(costs[kind] ?? [])),
      0.5,
    );
  const sum = (cost: Cost): number => cost.reduce((total, each) => total + each, 0);
  const lines = kinds.flatMap(({ what }, kind): Line[] => [
    { what: `${what}: the partition, % of a core`, figure: medianOf(kind, ([partition = 0]) => partition) },
    { what: `${what}: documents, % of a core`, figure: medianOf(kind, ([, documents = 0]) => documents) },
    { what: `${what}: together, % of a core`, figure: medianOf(kind, sum) },
  ]);
  tell({
    question: "What does a partition cost with its documents?",
    lines,
    remarks: [
      `${POINTS} registers that all change, an interval of ${INTERVAL_S} s; ${values.rounds} rounds of ${values.seconds} s, ${values.warm} s after the start`,
    ],
  });
} finally {
  rmSync(work, { recursive: true });
}
