// Does a slow group disturb a fast one on the same connection? A whole partition reads 20 registers of a device at 100 ms, alone, beside 2000
// registers at 5 s, and beside 2000 that take 400 requests; in turns. The device notes when each fast poll begins. A program in C that only sleeps to
// the same grid shows what the machine allows.
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
import { answerOf, compiledPeer } from "./compiled-peer.ts";
import { LineProcess } from "./line-process.ts";
import { quantile, tell, type Line } from "./report.ts";

const FAST_S = 0.1;
const SLOW_S = 5;
const ROUNDS = 5;
const MAIN = fileURLToPath(new URL("../packages/partition/src/main.ts", import.meta.url));
const WANTED_P999_MS = 5;
/** Ten seconds after a start what it took is given back, in pauses of some 10 ms; and code is compiled by then. */
const START_MS = 15_000;

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

interface Jitter {
  readonly pollsMs: readonly number[];
  readonly sleeperMs: readonly number[];
}

/** How far each fast poll began from one interval after the one before, and how far the sleeper woke. */
async function jitter(device: LineProcess, file: string): Promise<Jitter> {
  const settings = ["--interval", "1", "--prefix", `rates_${process.pid}_`, "--remove-on-exit", "--log-level", "error"];
  const child = spawn(process.execPath, [MAIN, "run", "--modbus", file, ...settings], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = once(child, "exit");
  await pause(START_MS);
  await device.ask();
  const count = Math.round(seconds / FAST_S);
  const { requestedNs } = await answerOf<{ readonly requestedNs: readonly string[] }>(
    sleeper,
    String(FAST_S * 1000),
    String(count),
  );
  const startsMs = (await device.ask())["startsMs"] as readonly number[];
  child.kill("SIGTERM");
  await ended;
  return { pollsMs: distances(startsMs), sleeperMs: distances(requestedNs.map((ns) => Number(BigInt(ns)) / 1e6)) };
}

function distances(startsMs: readonly number[]): readonly number[] {
  return startsMs.slice(1).map((startMs, index) => Math.abs(startMs - (startsMs[index] ?? 0) - FAST_S * 1000));
}

/** Of all rounds together: p99.9 of one of them would be its largest. */
function linesOf(what: string, foundMs: readonly number[], wanted?: string): readonly Line[] {
  const line = (percent: number): Line => ({
    what: `${what}: p${percent}, ms`,
    figure: quantile(foundMs, percent / 100),
  });
  return [line(50), line(99), { ...line(99.9), ...(wanted !== undefined && { wanted }) }];
}

const sleeper = compiledPeer("grid");

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using device = LineProcess.node("peers/timed-device.ts");
  const port = (await device.line())["port"] as number;
  const found = new Map<Kind, Jitter[]>(Object.keys(kinds).map((kind) => [kind as Kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [kind, samples] of found) {
      const file = join(folder, "modbus.xml");
      writeFileSync(file, modbusServersXml({ alias: "plant", port, endpoints: kinds[kind] }));
      samples.push(await jitter(device, file));
    }
  }
  const polls = Array.from(found, ([kind, rounds]) => [kind, rounds.flatMap(({ pollsMs }) => pollsMs)] as const);
  const sleeperMs = [...found.values()].flat().flatMap((round) => round.sleeperMs);
  const fewest = Math.min(...polls.map(([, foundMs]) => foundMs.length));
  tell({
    question: "How regular are the polls of a fast group beside a slow one?",
    lines: [
      ...polls.flatMap(([kind, foundMs]) => linesOf(kind, foundMs, `less than ${WANTED_P999_MS}`)),
      ...linesOf("a C program that only sleeps, at the same times", sleeperMs),
    ],
    remarks: [
      `start to start of a poll every ${FAST_S} s, as the device sees it; ${ROUNDS} rounds in turns, together ${fewest} polls or more of each kind`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
