// What a value costs a whole partition, with more and more values of one server and more and more servers: processor time of the partition process, which
// reads values into the image.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LineProcess } from "./line-process.ts";
import { measurePartition, modbusPlant, opcUaPlant } from "./measured-partition.ts";

const INTERVAL_S = 1;
const VALUES_OF_A_SERVER = 10;
/** Above, there are several devices. */
const MOST_REGISTERS = 10_000;

export interface Cost {
  readonly panel: "values" | "servers";
  readonly series: string;
  /** How many values, or how many servers. */
  readonly count: number;
  readonly usPerValue: number;
  readonly residentMiB: number;
}

export interface CostOptions {
  readonly main: string;
  /** As of `MeasuredPartition`. */
  readonly settleSeconds: number;
  readonly seconds: number;
  readonly values: readonly number[];
  readonly servers: readonly number[];
  readonly progress: (text: string) => void;
}

type Plant = (folder: string, peers: AsyncDisposableStack) => Promise<readonly string[]>;

export async function costPerValue(options: CostOptions): Promise<readonly Cost[]> {
  const costs: Cost[] = [];
  const add = async (cost: Pick<Cost, "panel" | "series" | "count">, values: number, plant: Plant): Promise<void> => {
    options.progress(`${cost.series}: ${cost.count} ${cost.panel}`);
    const { cpuPercent, residentMiB } = await measure(options, plant);
    costs.push({ ...cost, usPerValue: (cpuPercent * 1e4 * INTERVAL_S) / values, residentMiB });
  };
  for (const count of options.values) {
    const devices = Math.ceil(count / MOST_REGISTERS);
    await add({ panel: "values", series: "Modbus TCP", count }, count, (folder, peers) =>
      modbusPlant(folder, peers, { devices, points: count / devices, intervalS: INTERVAL_S }),
    );
    await add({ panel: "values", series: "OPC UA", count }, count, (folder, peers) => {
      const server = LineProcess.compiled("open62541-server", count);
      return opcUaPlant(folder, peers, server, { nodes: count, intervalS: INTERVAL_S });
    });
  }
  for (const count of options.servers)
    await add({ panel: "servers", series: "Modbus TCP", count }, count * VALUES_OF_A_SERVER, (folder, peers) =>
      modbusPlant(folder, peers, { devices: count, points: VALUES_OF_A_SERVER, intervalS: INTERVAL_S }),
    );
  return costs;
}

async function measure({ main, settleSeconds, seconds }: CostOptions, plant: Plant) {
  const folder = mkdtempSync(join(tmpdir(), "cpc-cost-"));
  try {
    await using peers = new AsyncDisposableStack();
    const own = await plant(folder, peers);
    const prefix = `cost_${process.pid}_`;
    return await measurePartition({ main, arguments: own, prefix, settleSeconds, seconds });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
