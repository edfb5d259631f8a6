// Does the partition hold 1,000,000 Modbus values a second? The built program reads 100,000 registers of ten devices every 100 ms; every value
// differs from the one before, so the journal takes a record of each. Documents come once a second. The devices are one process in C.
// What is counted are values that were published, polls that a server's loop left out, and ticks of the image.
//
//   node benchmarks/million-values.ts [--seconds N] [--devices N] [--points N] [--interval SECONDS] [--threads N] [--json]

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { serviceStatuses } from "../packages/documents/src/service-status.ts";
import { modbusServersXml } from "../tests/plant/configuration-xml.ts";
import { builtPackages } from "./built-packages.ts";
import { compiledPeer } from "./compiled-peer.ts";
import { LineProcess } from "./line-process.ts";
import { cpuMsOf, memoryOf } from "./process-account.ts";
import { tell } from "./report.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    devices: { type: "string", default: "10" },
    points: { type: "string", default: "10000" },
    interval: { type: "string", default: "0.1" },
    threads: { type: "string" },
    json: { type: "boolean" },
  },
});
const seconds = Number(values.seconds);
const devices = Number(values.devices);
const points = Number(values.points);
const WATCHDOG_MS = 120_000;
/** After the first good values: code is compiled, and the memory of the start is given back. */
const STARTED_MS = 15_000;
const prefix = `million_${process.pid}_`;

interface Account {
  readonly atMs: number;
  readonly published: number;
  readonly overruns: number;
  readonly ticksMissed: number;
  readonly reconnects: number;
  readonly cpuMs: number;
}

function account(pid: number): Account {
  const service = serviceStatuses(prefix, Date.now())[0];
  const servers = service?.servers ?? [];
  const sum = (of: "cycle" | "overruns" | "reconnects"): number => servers.reduce((all, server) => all + server[of], 0);
  return {
    atMs: performance.now(),
    published: points * sum("cycle"),
    overruns: sum("overruns"),
    ticksMissed: service?.ticksMissed ?? 0,
    reconnects: sum("reconnects"),
    cpuMs: cpuMsOf(pid),
  };
}

async function isGood(): Promise<void> {
  for (const endMs = performance.now() + WATCHDOG_MS; ; await pause(250)) {
    const servers = serviceStatuses(prefix, Date.now()).flatMap((service) => service.servers);
    if (servers.length === devices && servers.every(({ cycle, pointsBad }) => cycle > 0 && pointsBad === 0)) return;
    if (performance.now() > endMs) throw new Error(`no good values within ${WATCHDOG_MS} ms`);
  }
}

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  await using peer = LineProcess.command(compiledPeer("quick-devices"), devices);
  const { ports } = (await peer.line()) as { readonly ports: readonly number[] };
  const file = join(folder, "modbus.xml");
  const endpoints = Array.from({ length: points }, (_, address) => ({
    name: `${address}`,
    address,
    dataType: "UInt16",
  }));
  const settings = `<interval>${values.interval}</interval>`;
  const servers = ports.map((port, index) => ({ alias: `device ${index}`, port, settings, endpoints }));
  writeFileSync(file, modbusServersXml(...servers));
  const run = [
    builtPackages().main,
    "run",
    "--modbus",
    file,
    "--interval",
    "1",
    "--prefix",
    prefix,
    "--remove-on-exit",
  ];
  const child = spawn(process.execPath, [...run, "--log-level", "warn"], {
    env: { ...process.env, NODE_OPTIONS: undefined, CPC_THREADS: values.threads },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  try {
    const pid = child.pid ?? 0;
    await isGood();
    await pause(STARTED_MS);
    const before = account(pid);
    await pause(seconds * 1000);
    const after = account(pid);
    const tookS = (after.atMs - before.atMs) / 1000;
    tell({
      question: "Does the partition hold 1,000,000 Modbus values a second?",
      lines: [
        { what: "values published a second", figure: (after.published - before.published) / tookS },
        { what: "polls left out", figure: after.overruns - before.overruns, wanted: "0" },
        { what: "ticks of the image missed", figure: after.ticksMissed - before.ticksMissed, wanted: "0" },
        { what: "connections lost", figure: after.reconnects - before.reconnects, wanted: "0" },
        { what: "processor of the partition, % of a core", figure: (after.cpuMs - before.cpuMs) / (10 * tookS) },
        { what: "resident, MiB", figure: memoryOf(pid).residentMiB },
      ],
      remarks: [
        `${devices} devices of ${points} registers at ${values.interval} s, all values change; ${seconds} s, begun ${STARTED_MS / 1000} s after the first good values`,
      ],
    });
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
} finally {
  rmSync(folder, { recursive: true });
}
