// What do 10,000 OPC UA nodes at 100 ms cost the partition, half of them changing: read, and subscribed to? A whole partition and a server in a process
// of its own, in turns.
//
//   node benchmarks/subscription.ts [--nodes N] [--seconds N] [--json]

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serviceStatuses } from "../packages/documents/src/service-status.ts";
import { opcUaServersXml } from "../tests/plant/configuration-xml.ts";
import { tell, type Line } from "./report.ts";

const ROUNDS = 2;
const INTERVAL_S = 0.1;
const TICKS_PER_SECOND = 100;
const MAIN = fileURLToPath(new URL("../packages/partition/src/main.ts", import.meta.url));
const SERVER = fileURLToPath(new URL("peers/changing-opcua-server.ts", import.meta.url));
const { values } = parseArgs({
  options: {
    nodes: { type: "string", default: "10000" },
    seconds: { type: "string", default: "20" },
    json: { type: "boolean" },
  },
});
const nodes = Number(values.nodes);
const seconds = Number(values.seconds);
const kinds = { read: "", subscribed: "<acquisition>subscribe</acquisition>" };
type Kind = keyof typeof kinds;

function started(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Of all threads, user and system. */
function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Percent of a core of the partition and of the server, and publications a second. */
async function share(server: ChildProcess, port: number, kind: Kind, folder: string): Promise<readonly number[]> {
  const file = join(folder, `${kind}.xml`);
  const names = Array.from({ length: nodes }, (_, index) => ({ name: `n${index}` }));
  const url = `opc.tcp://127.0.0.1:${port}`;
  writeFileSync(file, opcUaServersXml({ alias: "S", url, settings: kinds[kind], nodes: names }));
  const prefix = `subscription_${process.pid}_`;
  const cycles = (): number => serviceStatuses(prefix, Date.now())[0]?.servers[0]?.cycle ?? 0;
  const settings = ["--interval", String(INTERVAL_S), "--prefix", prefix, "--remove-on-exit"];
  const own = ["--certificates", join(folder, "certificates"), "--log-level", "warn"];
  const child = started([MAIN, "run", "--opcua", file, ...settings, ...own]);
  const ended = once(child, "exit");
  await pause(15_000); // connected, subscribed, code is compiled
  const look = (): number[] => [...[child, server].map((each) => 100 * cpuSeconds(each)), cycles()];
  const before = look();
  await pause(seconds * 1000);
  const after = look();
  child.kill("SIGTERM");
  await ended;
  return after.map((each, index) => (each - (before[index] ?? 0)) / seconds);
}

const figures = ["partition, % of a core", "server, % of a core", "publications a second"];

function linesOf(kind: Kind, shares: readonly (readonly number[])[]): readonly Line[] {
  const mean = (index: number): number => shares.reduce((sum, one) => sum + (one[index] ?? 0), 0) / shares.length;
  return figures.map((what, index) => ({ what: `${kind}: ${what}`, figure: mean(index) }));
}

const folder = mkdtempSync(join(tmpdir(), "cpc-subscription-"));
const server = started([SERVER, String(nodes)]);
try {
  const [line] = (await once(server.stdout ?? server, "data")) as [Buffer];
  const found = new Map<Kind, (readonly number[])[]>(Object.keys(kinds).map((kind) => [kind as Kind, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [kind, shares] of found) shares.push(await share(server, Number(line.toString()), kind, folder));
  tell({
    question: `What do ${nodes} OPC UA nodes at 100 ms cost, half of them changing: read, and subscribed to?`,
    lines: [...found].flatMap(([kind, shares]) => linesOf(kind, shares)),
    remarks: [
      `${ROUNDS} rounds of ${seconds} s in turns, the mean of each; the server is node-opcua on the same machine`,
    ],
  });
} finally {
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  await ended;
  rmSync(folder, { recursive: true });
}
