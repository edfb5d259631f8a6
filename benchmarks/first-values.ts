// How long from starting `run` to the first values of its protocols in shared memory, with all servers up? As many points of each as wanted,
// read the way a consumer reads them: the segment appears and holds the values. Modbus has 10,000 points a device, OPC UA one server.
//
// node-opcua's server takes a good part of two cores with many nodes. That of open62541 (scripts/install-benchmark-peers) takes next to nothing.
//
//   node benchmarks/first-values.ts [--points 1000] [--only modbus|opcua] [--server node-opcua|open62541] [--starts 5] [--json]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { modbusServersXml } from "../tests/plant/configuration-xml.ts";
import { LineProcess } from "./line-process.ts";
import { opcUaConfiguration } from "./plant-configuration.ts";
import { wholeCpuMsOf } from "./process-account.ts";
import { machine, quantile } from "./report.ts";

const { values } = parseArgs({
  options: {
    points: { type: "string", default: "1000" },
    only: { type: "string" },
    server: { type: "string", default: "node-opcua" },
    starts: { type: "string", default: "5" },
    json: { type: "boolean" },
  },
});
const points = Number(values.points);
const pointsPerDevice = 10_000;
/** A large document takes long to look through. */
const lookAgainMs = Math.max(2, points / 1000);
const WATCHDOG_MS = 120_000;
const wantedMs = points > 1000 ? 5000 : 1000;
const MAIN = fileURLToPath(new URL("../packages/partition/src/main.ts", import.meta.url));

type ProtocolName = "modbus" | "opcua";

interface Measured {
  readonly service: ProtocolName;
  readonly file: string;
  /** Of the document, when the last point has a value. */
  readonly text: string;
}

/** `cpuMs`: of the partition until all values were there; documents are a process of their own. */
type Start = Partial<Record<ProtocolName | "cpuMs", number>>;

function holds(segment: string, text: string): boolean {
  try {
    return readFileSync(`/dev/shm/${segment}`, "utf8").includes(text);
  } catch {
    return false; // not there yet
  }
}

async function start(measured: readonly Measured[], certificates: string): Promise<Start> {
  const prefix = `first_values_${process.pid}_`;
  const startMs = performance.now();
  const files = measured.flatMap(({ service, file }) => [`--${service}`, file]);
  const own = ["--certificates", certificates, "--prefix", prefix, "--remove-on-exit", "--log-level", "error"];
  const child = spawn(process.execPath, [MAIN, "run", ...files, ...own], { stdio: ["ignore", "inherit", "inherit"] });
  const ended = once(child, "exit");
  const found: Start = {};
  for (let nowMs = 0; nowMs < WATCHDOG_MS; nowMs = performance.now() - startMs) {
    if (child.exitCode !== null) throw new Error(`run ended with ${child.exitCode}`);
    const missing = measured.filter(({ service }) => found[service] === undefined);
    if (missing.length === 0) break;
    for (const { service, text } of missing)
      if (holds(`${prefix}${service}_shm`, text)) found[service] = performance.now() - startMs;
    await pause(lookAgainMs);
  }
  found.cpuMs = wholeCpuMsOf(child.pid ?? 0);
  child.kill("SIGTERM");
  await ended;
  if (measured.some(({ service }) => found[service] === undefined))
    throw new Error(`no values within ${WATCHDOG_MS} ms`);
  return found;
}

async function modbusPlant(peers: AsyncDisposableStack, file: string): Promise<Measured> {
  const devices = Math.ceil(points / pointsPerDevice);
  const peer = peers.use(LineProcess.node("peers/memory-devices.ts", devices));
  const { ports } = (await peer.line()) as { readonly ports: readonly number[] };
  const inDevice = (device: number): number => Math.min(pointsPerDevice, points - device * pointsPerDevice);
  const servers = ports.map((port, device) => ({
    alias: `device ${device}`,
    port,
    endpoints: Array.from({ length: inDevice(device) }, (_, address) => ({ name: `register ${address}`, address })),
  }));
  writeFileSync(file, modbusServersXml(...servers));
  const last = `device ${devices - 1}: register ${inDevice(devices - 1) - 1}`;
  return { service: "modbus", file, text: `"${last}":{"value":` };
}

async function opcUaPlant(peers: AsyncDisposableStack, file: string): Promise<Measured> {
  const peer = peers.use(
    values.server === "open62541"
      ? LineProcess.compiled("open62541-server", points)
      : LineProcess.node("peers/opcua-server.ts", points),
  );
  writeFileSync(file, opcUaConfiguration((await peer.line())["port"] as number, points));
  return { service: "opcua", file, text: `"1:node ${points - 1}":{"value":` };
}

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using peers = new AsyncDisposableStack();
  const measured: Measured[] = [];
  if (values.only !== "opcua") measured.push(await modbusPlant(peers, join(folder, "modbus.xml")));
  if (values.only !== "modbus") measured.push(await opcUaPlant(peers, join(folder, "opcua.xml")));
  const starts: Start[] = [];
  for (let count = 0; count < Number(values.starts); count++)
    starts.push(await start(measured, join(folder, "certificates")));
  report(measured, starts);
} finally {
  rmSync(folder, { recursive: true });
}

function report(measured: readonly Measured[], starts: readonly Start[]): void {
  const median = (what: ProtocolName | "cpuMs"): number => {
    const all = starts.map((one) => one[what] ?? Infinity);
    return quantile(all, 0.5);
  };
  const medians = measured.map(({ service }): [ProtocolName, number] => [service, median(service)]);
  const cpuMs = median("cpuMs");
  if (values.json === true) {
    const figures = { points, medianMs: Object.fromEntries(medians), cpuMs, wantedMs, starts, machine: machine() };
    process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
    return;
  }
  const { cpu, cores, memoryGiB, node, commit } = machine();
  const figures = medians.map(([service, ms]) => `${service} ${ms.toFixed(0)} ms`).join(", ");
  process.stdout.write(
    `From starting run to the first values, ${points} points of each protocol, median of ${starts.length} starts\n` +
      `${cores} cores of ${cpu}, ${memoryGiB} GiB, Node ${node}, commit ${commit}\n\n${figures}, with ${cpuMs} ms of processor time; wanted: ${wantedMs} ms\n`,
  );
}
