// A whole partition as it is installed, in a process of its own: what it costs once every value is good, by the operating system's account.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { serviceStatuses } from "../packages/documents/src/service-status.ts";
import { modbusServersXml } from "../tests/plant/configuration-xml.ts";
import { LineProcess } from "./line-process.ts";
import { opcUaConfiguration } from "./plant-configuration.ts";
import { cpuMsOf, memoryOf, type Memory } from "./process-account.ts";

const LOOK_AGAIN_MS = 250;
const WATCHDOG_MS = 300_000;

export interface PartitionCost extends Memory {
  readonly firstValuesMs: number;
  readonly cpuPercent: number;
}

export interface MeasuredPartition {
  /** The built command, see built-packages.ts. */
  readonly main: string;
  /** What the command is given beside the prefix. */
  readonly arguments: readonly string[];
  readonly prefix: string;
  /** How long it is looked at. */
  readonly seconds: number;
}

export async function measurePartition(partition: MeasuredPartition): Promise<PartitionCost> {
  const { main, prefix, seconds, arguments: own } = partition;
  const startMs = performance.now();
  const isDemo = own[0] !== "run";
  const child = spawn(
    process.execPath,
    [main, ...own, "--prefix", prefix, "--log-level", "error", ...(isDemo ? [] : ["--remove-on-exit"])],
    { env: { ...process.env, NODE_OPTIONS: undefined }, stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = once(child, "exit");
  const pid = child.pid ?? 0;
  try {
    await untilGood(child, prefix);
    const firstValuesMs = performance.now() - startMs;
    const cpuBeforeMs = cpuMsOf(pid);
    await pause(seconds * 1000);
    return {
      firstValuesMs,
      cpuPercent: (cpuMsOf(pid) - cpuBeforeMs) / (10 * seconds),
      ...memoryOf(pid),
    };
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

/** Until every value of a partition is good. */
export async function untilGood(child: ChildProcess, prefix: string): Promise<void> {
  const startMs = performance.now();
  while (!isGood(prefix)) {
    if (child.exitCode !== null) throw new Error(`the partition ended with code ${child.exitCode}`);
    if (performance.now() - startMs > WATCHDOG_MS) throw new Error(`no good values within ${WATCHDOG_MS} ms`);
    await pause(LOOK_AGAIN_MS);
  }
}

function isGood(prefix: string): boolean {
  const servers = serviceStatuses(prefix, Date.now()).flatMap((status) => status.servers);
  return (
    servers.length > 0 &&
    servers.every(({ state, cycle, pointsBad }) => state === "connected" && cycle > 0 && pointsBad === 0)
  );
}

/** The arguments of `run` for so many devices, which end with `peers`. */
export async function modbusPlant(
  folder: string,
  peers: AsyncDisposableStack,
  { devices, points, intervalS }: { readonly devices: number; readonly points: number; readonly intervalS: number },
): Promise<readonly string[]> {
  const peer = peers.use(LineProcess.node("peers/memory-devices.ts", devices));
  const { ports } = (await peer.line()) as { readonly ports: readonly number[] };
  const file = join(folder, "modbus.xml");
  const servers = ports.map((port, index) => ({
    alias: `device ${index}`,
    port,
    endpoints: Array.from({ length: points }, (_, address) => ({
      name: `register ${address}`,
      address,
      dataType: "UInt16",
    })),
  }));
  writeFileSync(file, modbusServersXml(...servers));
  return ["run", "--modbus", file, "--interval", String(intervalS)];
}

/** The same for one OPC UA server. */
export async function opcUaPlant(
  folder: string,
  peers: AsyncDisposableStack,
  server: LineProcess,
  { nodes, intervalS }: { readonly nodes: number; readonly intervalS: number },
): Promise<readonly string[]> {
  const { port } = (await peers.use(server).line()) as { readonly port: number };
  const file = join(folder, "opcua.xml");
  writeFileSync(file, opcUaConfiguration(port, nodes));
  return ["run", "--opcua", file, "--interval", String(intervalS), "--certificates", join(folder, "certificates")];
}
