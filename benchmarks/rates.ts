// Does a slow group disturb a fast one on the same connection? A whole partition reads 20 registers of a device at 100 ms, alone, beside 2000
// registers at 5 s, and beside 2000 that take 400 requests; in turns. The device notes when each fast poll begins.
//
//   node benchmarks/rates.ts [--seconds N] [--json]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { modbusServersXml, type XmlEndpoint } from "../tests/plant/configuration-xml.ts";
import { LineProcess } from "./line-process.ts";
import { quantile, tell, type Line } from "./report.ts";

const FAST_S = 0.1;
const SLOW_S = 5;
const ROUNDS = 5;
const MAIN = fileURLToPath(new URL("../packages/partition/src/main.ts", import.meta.url));
const WANTED_P999_MS = 5;

/** Of each round and kind. */
const seconds = Number(
  parseArgs({ options: { seconds: { type: "string", default: "30" }, json: { type: "boolean" } } }).values.seconds,
);

/** Runs of registers with a hole behind each: every run is a request. */
function registers(first: number, runs: number, perRun: number, intervalS: number): readonly XmlEndpoint[] {
  return Array.from({ length: runs }, (_, run) => ({
    name: `${intervalS} s ${run}`,
    address: first + run * (perRun + 1),
    quantity: perRun,
    settings: `<dataType>UInt16</dataType><interval>${intervalS}</interval>`,
  }));
}

const fast = registers(0, 1, 20, FAST_S);
const kinds = {
  alone: fast,
  "beside 2000 registers at 5 s": [...fast, ...registers(1000, 16, 125, SLOW_S)],
  "beside 2000 registers in 400 requests": [...fast, ...registers(1000, 400, 5, SLOW_S)],
};
type Kind = keyof typeof kinds;

/** How far each fast poll began from one interval after the one before. */
async function jitterMs(device: LineProcess, file: string): Promise<readonly number[]> {
  const settings = ["--interval", "1", "--prefix", `rates_${process.pid}_`, "--remove-on-exit", "--log-level", "error"];
  const child = spawn(process.execPath, [MAIN, "run", "--modbus", file, ...settings], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = once(child, "exit");
  await pause(4000); // code is compiled
  await device.ask();
  await pause(seconds * 1000);
  const startsMs = (await device.ask())["startsMs"] as readonly number[];
  child.kill("SIGTERM");
  await ended;
  return startsMs.slice(1).map((startMs, index) => Math.abs(startMs - (startsMs[index] ?? 0) - FAST_S * 1000));
}

/** The median of the rounds, so that a moment in which the machine was busy with something else decides nothing. */
function linesOf(kind: Kind, rounds: readonly (readonly number[])[]): readonly Line[] {
  const line = (percent: number): Line => ({
    what: `${kind}: p${percent}, ms`,
    figure: median(rounds.map((found) => quantile(found, percent / 100))),
  });
  return [line(50), line(99), { ...line(99.9), wanted: `less than ${WANTED_P999_MS}` }];
}

const median = (figures: readonly number[]): number => quantile(figures, 0.5);

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using device = LineProcess.node("peers/timed-device.ts");
  const port = (await device.line())["port"] as number;
  const found = new Map<Kind, (readonly number[])[]>(Object.keys(kinds).map((kind) => [kind as Kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [kind, samples] of found) {
      const file = join(folder, "modbus.xml");
      writeFileSync(file, modbusServersXml({ alias: "plant", port, endpoints: kinds[kind] }));
      samples.push(await jitterMs(device, file));
    }
  }
  const polls = Math.min(...Array.from(found.values(), (rounds) => rounds.flat().length));
  tell({
    question: "How regular are the polls of a fast group beside a slow one?",
    lines: [...found].flatMap(([kind, samples]) => linesOf(kind, samples)),
    remarks: [
      `start to start of a poll every ${FAST_S} s, as the device sees it; median of ${ROUNDS} rounds in turns, ${polls} polls or more of each kind`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
