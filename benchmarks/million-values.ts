// Does the partition hold 1,000,000 values a second? The built program reads 10,000 points of each of ten servers every 100 ms. Documents come once a
// second. The servers are one process in C. Every Modbus value differs from the one before, so the journal takes a record of each; OPC UA values have the
// same and a new source time. With several numbers of threads, as `--threads 1,2`, they take turns.
//
//   node benchmarks/million-values.ts [--protocol modbus|opcua] [--seconds N] [--servers N] [--points N] [--interval SECONDS] [--threads N,...] [--rounds N] [--json]

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { modbusServersXml, opcUaServersXml } from "../tests/plant/configuration-xml.ts";
import { builtPackages } from "./built-packages.ts";
import { compiledPeer } from "./compiled-peer.ts";
import { LineProcess } from "./line-process.ts";
import { measurePartition, type PartitionCost } from "./measured-partition.ts";
import { quantile, tell, type Line } from "./report.ts";

const { values } = parseArgs({
  options: {
    protocol: { type: "string", default: "modbus" },
    seconds: { type: "string", default: "600" },
    servers: { type: "string", default: "10" },
    points: { type: "string", default: "10000" },
    interval: { type: "string", default: "0.1" },
    threads: { type: "string" },
    rounds: { type: "string", default: "1" },
    json: { type: "boolean" },
  },
});
const seconds = Number(values.seconds);
const numbers = Array.from({ length: Number(values.servers) }, (_, index) => index);
const places = Array.from({ length: Number(values.points) }, (_, index) => index);
const settings = `<interval>${values.interval}</interval>`;
/** After the first good values: code is compiled, and the memory of the start is given back. */
const SETTLE_SECONDS = 15;

async function modbusXml(peers: AsyncDisposableStack): Promise<string> {
  const peer = peers.use(LineProcess.command(compiledPeer("quick-devices"), numbers.length));
  const { ports } = (await peer.line()) as { readonly ports: readonly number[] };
  const endpoints = places.map((address) => ({ name: `${address}`, address, dataType: "UInt16" }));
  return modbusServersXml(...ports.map((port, index) => ({ alias: `device ${index}`, port, settings, endpoints })));
}

async function opcUaXml(peers: AsyncDisposableStack): Promise<string> {
  const peer = peers.use(LineProcess.compiled("open62541-server", places.length));
  const { port } = (await peer.line()) as { readonly port: number };
  const url = `opc.tcp://127.0.0.1:${port}`;
  const nodes = places.map((place) => ({ name: `node ${place}` }));
  return opcUaServersXml(...numbers.map((index) => ({ alias: `server ${index}`, url, settings, nodes })));
}

interface Figure {
  readonly what: string;
  readonly of: (cost: PartitionCost) => number;
  readonly wanted?: string;
}

const cpuUsPerValue: Figure = {
  what: "processor, us a value",
  of: ({ cpuPercent, valuesPerSecond }) => (1e4 * cpuPercent) / valuesPerSecond,
};
const published: Figure = { what: "values published a second", of: (cost) => cost.valuesPerSecond };
const resident: Figure = { what: "resident, MiB", of: (cost) => cost.residentMiB };
const figures: readonly Figure[] = [
  published,
  { what: "polls left out", of: (cost) => cost.overruns, wanted: "0" },
  { what: "ticks of the image missed", of: (cost) => cost.ticksMissed, wanted: "0" },
  { what: "connections lost", of: (cost) => cost.reconnects, wanted: "0" },
  { what: "processor of the partition, % of a core", of: (cost) => cost.cpuPercent },
  cpuUsPerValue,
  resident,
];

type Costs = readonly PartitionCost[];

function linesOf(name: string, costs: Costs, first: Costs): readonly Line[] {
  const median = (of: (cost: PartitionCost, round: number) => number): number => quantile(costs.map(of), 0.5);
  const lines = figures.map(({ of, ...line }) => Object.assign(line, { what: name + line.what, figure: median(of) }));
  if (costs === first) return lines;
  const ratios = [published, cpuUsPerValue, resident].map(({ what, of }) => ({
    what: `${name}${what}, times the first`,
    figure: median((cost, round) => of(cost) / of(first[round] ?? cost)),
  }));
  return [...lines, ...ratios];
}

const folder = mkdtempSync(join(tmpdir(), "cpc-benchmark-"));
try {
  const { main } = builtPackages();
  await using peers = new AsyncDisposableStack();
  const file = join(folder, `${values.protocol}.xml`);
  writeFileSync(file, await (values.protocol === "opcua" ? opcUaXml(peers) : modbusXml(peers)));
  const own = ["run", `--${values.protocol}`, file, "--interval", "1", "--certificates", join(folder, "certificates")];
  const runs = (values.threads?.split(",") ?? [undefined]).map((threads) => ({
    threads,
    costs: [] as PartitionCost[],
  }));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const { threads, costs } of runs)
      costs.push(
        await measurePartition({
          main,
          arguments: own,
          prefix: `million_${process.pid}_`,
          settleSeconds: SETTLE_SECONDS,
          seconds,
          threads,
        }),
      );
  const [first] = runs;
  tell({
    question: "Does the partition hold 1,000,000 values a second?",
    lines: runs.flatMap(({ threads, costs }) =>
      linesOf(threads === undefined ? "" : `threads ${threads}: `, costs, first?.costs ?? costs),
    ),
    remarks: [
      `${numbers.length} servers (${values.protocol}) of ${places.length} points at ${values.interval} s; ${seconds} s, begun ${SETTLE_SECONDS} s after the ` +
        `first good values; medians of ${values.rounds} rounds`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
