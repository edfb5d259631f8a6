// How long from starting `run` to the first values of both protocols in shared memory, with both servers up? 1000 points each,
// read the way a consumer reads them: the segment appears and holds the values. Needs scripts/install-peers.
//
//   node benchmarks/first-values.ts [--json]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LineProcess } from "./cycling-process.ts";
import { modbusConfiguration, opcUaConfiguration } from "./plant-configuration.ts";
import { machine, quantile } from "./report.ts";

const POINTS = 1000;
const STARTS = 5;
const LOOK_AGAIN_MS = 2;
const WATCHDOG_MS = 30_000;
const WANTED_MS = 1000;
const MAIN = fileURLToPath(new URL("../packages/partition/src/main.ts", import.meta.url));

interface Start {
  readonly modbusMs: number;
  readonly opcUaMs: number;
  readonly bothMs: number;
}

function holds(segment: string, text: string): boolean {
  try {
    return readFileSync(`/dev/shm/${segment}`, "utf8").includes(text);
  } catch {
    return false; // not there yet
  }
}

async function start(files: {
  readonly modbus: string;
  readonly opcua: string;
  readonly folder: string;
}): Promise<Start> {
  const prefix = `first_values_${process.pid}_`;
  const startMs = performance.now();
  const child = spawn(
    process.execPath,
    [
      MAIN,
      "run",
      "--modbus",
      files.modbus,
      "--opcua",
      files.opcua,
      "--certificates",
      files.folder,
      "--prefix",
      prefix,
    ].concat(["--remove-on-exit", "--log-level", "error"]),
    { stdio: ["ignore", "inherit", "inherit"] },
  );
  const ended = once(child, "exit");
  let modbusMs: number | undefined;
  let opcUaMs: number | undefined;
  while (modbusMs === undefined || opcUaMs === undefined) {
    if (child.exitCode !== null) throw new Error(`run ended with ${child.exitCode}`);
    const nowMs = performance.now() - startMs;
    if (nowMs > WATCHDOG_MS) break;
    if (modbusMs === undefined && holds(`${prefix}modbus_shm`, '"plant: register 999":{"value":')) modbusMs = nowMs;
    if (opcUaMs === undefined && holds(`${prefix}opcua_shm`, '"1:node 999":{"value":')) opcUaMs = nowMs;
    await pause(LOOK_AGAIN_MS);
  }
  child.kill("SIGTERM");
  await ended;
  if (modbusMs === undefined || opcUaMs === undefined) throw new Error(`no values within ${WATCHDOG_MS} ms`);
  return { modbusMs, opcUaMs, bothMs: Math.max(modbusMs, opcUaMs) };
}

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using modbusServer = LineProcess.libmodbusServer();
  await using opcUaServer = LineProcess.node("peers/opcua-server.ts", POINTS);
  const modbus = join(folder, "modbus.xml");
  const opcua = join(folder, "opcua.xml");
  writeFileSync(modbus, modbusConfiguration((await modbusServer.line())["port"] as number, POINTS));
  writeFileSync(opcua, opcUaConfiguration((await opcUaServer.line())["port"] as number, POINTS));
  const starts: Start[] = [];
  for (let count = 0; count < STARTS; count++) starts.push(await start({ modbus, opcua, folder }));
  report(starts);
} finally {
  rmSync(folder, { recursive: true });
}

function report(starts: readonly Start[]): void {
  const median = (pick: (start: Start) => number): number => quantile(starts.map(pick), 0.5);
  const figures = {
    modbusMs: median(({ modbusMs }) => modbusMs),
    opcUaMs: median(({ opcUaMs }) => opcUaMs),
    bothMs: median(({ bothMs }) => bothMs),
  };
  if (process.argv.includes("--json")) {
    process.stdout.write(
      `${JSON.stringify({ ...figures, wantedMs: WANTED_MS, starts, machine: machine() }, null, 2)}\n`,
    );
    return;
  }
  const { cpu, cores, memoryGiB, node, commit } = machine();
  process.stdout.write(
    `From starting run to the first values, ${POINTS} points of each protocol, median of ${starts.length} starts\n` +
      `${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}, commit ${commit}\n\n` +
      `Modbus TCP ${figures.modbusMs.toFixed(0)} ms, OPC UA ${figures.opcUaMs.toFixed(0)} ms, ` +
      `both ${figures.bothMs.toFixed(0)} ms; wanted: ${WANTED_MS} ms\n`,
  );
}
