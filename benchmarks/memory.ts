// How much memory does the partition process take, with its image? It is built first, as it is installed: the sources as they are need memory to
// strip their types. Whole partitions, each beside its servers in another process, looked at from a minute after every value is good on: by then
// code is compiled and what the start took is given back, so that it is what the years after cost.
//
//   node benchmarks/memory.ts [--only NAME,...] [--settle N] [--seconds N] [--json]

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { builtPackages } from "./built-packages.ts";
import { LineProcess } from "./line-process.ts";
import { measurePartition, modbusPlant, opcUaPlant } from "./measured-partition.ts";
import { tell, type Line } from "./report.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    settle: { type: "string", default: "60" },
    seconds: { type: "string", default: "30" },
    json: { type: "boolean" },
  },
});
const settleSeconds = Number(values.settle);
const seconds = Number(values.seconds);

interface Row {
  readonly name: string;
  readonly what: string;
  readonly wantedMiB: number;
  /** What the command is given beside the prefix. `peers` end with the row. */
  readonly arguments: (peers: AsyncDisposableStack) => Promise<readonly string[]>;
}

const rows: readonly Row[] = [
  {
    name: "demo",
    what: "demo configuration",
    wantedMiB: 150,
    arguments: async () => ["demo"],
  },
  {
    name: "modbus-10k",
    what: "10,000 Modbus points at 100 ms",
    wantedMiB: 140,
    arguments: (peers) => modbusPlant(folder, peers, { devices: 1, points: 10_000, intervalS: 0.1 }),
  },
  {
    name: "modbus-100k",
    what: "100,000 Modbus points at 1 s",
    wantedMiB: 300,
    arguments: (peers) => modbusPlant(folder, peers, { devices: 10, points: 10_000, intervalS: 1 }),
  },
  {
    name: "devices-1k",
    what: "1,000 devices of 10 points at 1 s",
    wantedMiB: 220,
    arguments: (peers) => modbusPlant(folder, peers, { devices: 1000, points: 10, intervalS: 1 }),
  },
  {
    name: "opcua-10k",
    what: "10,000 OPC UA nodes at 100 ms",
    wantedMiB: 220,
    arguments: (peers) => opcua(peers, 10_000, 0.1),
  },
  {
    name: "opcua-100k",
    what: "100,000 OPC UA nodes at 1 s",
    wantedMiB: 450,
    arguments: (peers) => opcua(peers, 100_000, 1),
  },
];

function opcua(peers: AsyncDisposableStack, nodes: number, intervalS: number): Promise<readonly string[]> {
  return opcUaPlant(folder, peers, LineProcess.node("peers/opcua-server.ts", nodes), { nodes, intervalS });
}

async function linesOf(row: Row): Promise<readonly Line[]> {
  await using peers = new AsyncDisposableStack();
  const own = await row.arguments(peers);
  const found = await measurePartition({
    main,
    arguments: own,
    prefix: `memory_${process.pid}_`,
    settleSeconds,
    seconds,
  });
  return [
    { what: `${row.what}: resident, MiB`, figure: found.residentMiB, wanted: `< ${row.wantedMiB}` },
    { what: "  the most since the start, MiB", figure: found.mostMiB },
    { what: "  of no other process, MiB", figure: found.privateMiB },
    { what: "  shared memory in it, MiB", figure: found.sharedMemoryMiB },
    { what: "  processor, % of a core", figure: found.cpuPercent },
    { what: "  from run to good values, ms", figure: found.firstValuesMs },
  ];
}

const wanted = values.only?.split(",");
const { main } = builtPackages();
const folder = mkdtempSync(join(tmpdir(), "cpc-memory-"));
try {
  const lines: Line[] = [];
  for (const row of rows) if (wanted === undefined || wanted.includes(row.name)) lines.push(...(await linesOf(row)));
  tell({
    question: "How much memory does the partition process take, with its image?",
    lines,
    remarks: [
      `looked at for ${seconds} s from ${settleSeconds} s after every value was good on; servers and documents are processes of their own`,
    ],
  });
} finally {
  rmSync(folder, { recursive: true });
}
