// A whole partition as it is installed, in a process of its own: what it costs some time after every value was good, by the operating system's
// account.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { serviceStatuses, type ServiceStatus } from "../packages/documents/src/service-status.ts";
import { OpenedImage } from "../packages/image/src/opened-image.ts";
import { serviceNames } from "../packages/image/src/service-name.ts";
import { modbusServersXml } from "../tests/plant/configuration-xml.ts";
import { LineProcess } from "./line-process.ts";
import { opcUaConfiguration } from "./plant-configuration.ts";
import { cpuMsOf, memoryOf, type Memory } from "./process-account.ts";

const LOOK_AGAIN_MS = 250;
const WATCHDOG_MS = 300_000;

export interface PartitionCost extends Memory {
  readonly firstValuesMs: number;
  readonly cpuPercent: number;
  readonly valuesPerSecond: number;
  readonly overruns: number;
  readonly ticksMissed: number;
  readonly reconnects: number;
}

export interface MeasuredPartition {
  /** The built command, see built-packages.ts. */
  readonly main: string;
  /** What the command is given beside the prefix. */
  readonly arguments: readonly string[];
  readonly prefix: string;
  /** From its first good values until it is looked at: code is compiled, and what the start left is collected. */
  readonly settleSeconds: number;
  /** How long it is looked at. */
  readonly seconds: number;
  /** That read the servers; absent: as many as they need. */
  readonly threads?: string | undefined;
}

export async function measurePartition(partition: MeasuredPartition): Promise<PartitionCost> {
  const { main, prefix, settleSeconds, seconds, threads, arguments: own } = partition;
  const startMs = performance.now();
  const isDemo = own[0] !== "run";
  const child = spawn(
    process.execPath,
    [main, ...own, "--prefix", prefix, "--log-level", "error", ...(isDemo ? [] : ["--remove-on-exit"])],
    { env: { ...process.env, NODE_OPTIONS: undefined, CPC_THREADS: threads }, stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = once(child, "exit");
  const pid = child.pid ?? 0;
  try {
    await untilGood(child, prefix);
    const firstValuesMs = performance.now() - startMs;
    await pause(settleSeconds * 1000);
    const before = counted(pid, prefix);
    await pause(seconds * 1000);
    const after = counted(pid, prefix);
    const tookS = (after.atMs - before.atMs) / 1000;
    return {
      firstValuesMs,
      cpuPercent: (after.cpuMs - before.cpuMs) / (10 * tookS),
      valuesPerSecond: (after.values - before.values) / tookS,
      overruns: after.overruns - before.overruns,
      ticksMissed: after.ticksMissed - before.ticksMissed,
      reconnects: after.reconnects - before.reconnects,
      ...memoryOf(pid),
    };
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

function counted(pid: number, prefix: string) {
  const services = wholeStatuses(prefix);
  const servers = services.flatMap((service) => service.servers);
  return {
    atMs: performance.now(),
    cpuMs: cpuMsOf(pid),
    values: servers.reduce((sum, { points, cycle }) => sum + points * cycle, 0),
    overruns: servers.reduce((sum, { overruns }) => sum + overruns, 0),
    ticksMissed: services.reduce((sum, { ticksMissed }) => sum + ticksMissed, 0),
    reconnects: servers.reduce((sum, { reconnects }) => sum + reconnects, 0),
  };
}

/** A status leaves out a server that publishes while it is looked at. */
function wholeStatuses(prefix: string): readonly ServiceStatus[] {
  const images = serviceNames.map((service) => new OpenedImage(`${prefix}${service}_image`));
  const servers = images.reduce((sum, image) => sum + (image.current()?.directory.servers.length ?? 0), 0);
  for (const image of images) image.close();
  for (;;) {
    const statuses = serviceStatuses(prefix, Date.now());
    if (statuses.flatMap((status) => status.servers).length === servers) return statuses;
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
