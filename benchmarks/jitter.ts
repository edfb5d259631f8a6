// How regular are polls, and how long from the time of a value in its device until a program that sleeps on the image is awake? A whole partition
// reads 1000 values of each protocol ten times a second; readers in C note both. Beside it a program in C sleeps to the same grid: what it does not reach,
// nobody does on this machine. Needs scripts/install-benchmark-peers.
//
//   node benchmarks/jitter.ts [--polls N] [--json]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { modbusServersXml } from "../tests/plant/configuration-xml.ts";
import { answerOf, compiledPeer } from "./compiled-peer.ts";
import { LineProcess } from "./line-process.ts";
import { untilGood } from "./measured-partition.ts";
import { opcUaConfiguration } from "./plant-configuration.ts";
import { quantile, tell, type Line } from "./report.ts";

const VALUES = 1000;
const INTERVAL_MS = 100;
const WANTED_P999_MS = 5;
/** Ten seconds after a start what it took is given back, in pauses of some 10 ms; and code is compiled by then. */
const START_MS = 15_000;
const MAIN = fileURLToPath(new URL("../packages/partition/src/main.ts", import.meta.url));

const { polls } = parseArgs({
  options: { polls: { type: "string", default: "3000" }, json: { type: "boolean" } },
}).values;

interface Starts {
  readonly requestedNs: readonly string[];
}

interface Samples extends Starts {
  readonly awakeUs: readonly number[];
}

/** The device stamps its answers in the first value. */
function modbusConfiguration(port: number): string {
  const stamp = { name: "sent", address: 0, dataType: "Int64" };
  const others = Array.from({ length: VALUES - 1 }, (_, index) => ({ name: `register ${index}`, address: 4 + index }));
  return modbusServersXml({ alias: "plant", port, endpoints: [stamp, ...others] });
}

interface Both<Of> {
  readonly modbus: Of;
  readonly opcua: Of;
}

interface Found extends Both<Samples> {
  readonly sleeper: Starts;
}

async function portOf(server: LineProcess): Promise<number> {
  return (await server.line())["port"] as number;
}

async function measure(servers: Both<LineProcess>): Promise<Found> {
  const files = { modbus: join(folder, "modbus.xml"), opcua: join(folder, "opcua.xml") };
  writeFileSync(files.modbus, modbusConfiguration(await portOf(servers.modbus)));
  writeFileSync(files.opcua, opcUaConfiguration(await portOf(servers.opcua), VALUES));
  const prefix = `jitter_${process.pid}_`;
  const settings = ["--interval", String(INTERVAL_MS / 1000), "--prefix", prefix, "--remove-on-exit"];
  const own = ["run", "--modbus", files.modbus, "--opcua", files.opcua, ...settings, "--log-level", "error"];
  const child = spawn(process.execPath, [MAIN, ...own], { cwd: folder, stdio: ["ignore", 2, "inherit"] });
  const ended = once(child, "exit");
  const read = (service: keyof typeof files, time: "value" | "source"): Promise<Samples> =>
    answerOf<Samples>(reader, `${prefix}${service}_image`, polls, time);
  try {
    await untilGood(child, prefix);
    await pause(START_MS);
    const [modbus, opcua, sleeper] = await Promise.all([
      read("modbus", "value"),
      read("opcua", "source"),
      answerOf<Starts>(compiledPeer("grid"), String(INTERVAL_MS), polls),
    ]);
    return { modbus, opcua, sleeper };
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

const percents = [50, 99, 99.9];

/** Of the distances from start to start, how far they are from the interval. */
function startLines(whose: string, { requestedNs }: Starts, atMost?: number): readonly Line[] {
  const starts = requestedNs.slice(1).map((ns, index) => Number(BigInt(ns) - BigInt(requestedNs[index] ?? ns)) / 1e6);
  const jitterMs = starts.map((ms) => Math.abs(ms - INTERVAL_MS));
  return percents.map((percent) => ({
    what: `${whose}, p${percent} ms from ${INTERVAL_MS}`,
    figure: quantile(jitterMs, percent / 100),
    ...(percent === 99.9 && atMost !== undefined && { atMost }),
  }));
}

function awakeLines(protocol: string, { awakeUs }: Samples): readonly Line[] {
  return percents.map((percent) => ({
    what: `${protocol}: time of a value to reader awake, p${percent} ms`,
    figure: quantile(awakeUs, percent / 100) / 1000,
  }));
}

const reader = compiledPeer("awake");
const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using device = LineProcess.node("peers/timed-device.ts");
  await using server = LineProcess.compiled("open62541-server", VALUES);
  const { modbus, opcua, sleeper } = await measure({ modbus: device, opcua: server });
  tell({
    question: "How regular are polls, and how old is a value when a reader wakes?",
    lines: [
      ...startLines("Modbus: start to start of polls", modbus, WANTED_P999_MS),
      ...startLines("OPC UA: start to start of polls", opcua, WANTED_P999_MS),
      ...startLines("a C program that only sleeps, at the same time", sleeper),
      ...awakeLines("Modbus", modbus),
      ...awakeLines("OPC UA", opcua),
    ],
    remarks: [
      `one partition, ${VALUES} values of each protocol every ${INTERVAL_MS} ms, ${polls} polls, seen by readers in C, from ${START_MS / 1000} s after the first good values on`,
      `so many polls were as far from the interval as p99.9, or farther: ${Math.max(1, Math.floor(Number(polls) / 1000))}`,
      "the time of a value is when the Modbus device sent its first answer of the poll, and the source time that open62541's server gave",
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
