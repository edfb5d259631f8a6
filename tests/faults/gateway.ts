// A partition of both services with one server each, for faults of the machine: the servers never fail.

import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { BornServer } from "./born-server.ts";
import { bornModbusXml, startBornDevice } from "./born-modbus.ts";
import { bornOpcUaXml } from "./born-opcua.ts";
import { TestedPartition, type TestedPartitionOptions } from "./tested-partition.ts";

export const devicePlace = 0;
export const serverPlace = 500;
const points = 3;
const settings = "<timeout>1</timeout><retryInterval>0.2</retryInterval>";

/** Modbus alone, "device": a start takes a third of a second. */
export async function modbusGateway(
  t: TestContext,
  options: Partial<TestedPartitionOptions> = {},
): Promise<TestedPartition> {
  const { port } = await startBornDevice(t, devicePlace);
  const modbus = bornModbusXml({ alias: "device", port, firstPlace: devicePlace, points, settings });
  return new TestedPartition(t, { modbus, ...options });
}

/** "device" and "server". */
export async function gateway(t: TestContext, options: Partial<TestedPartitionOptions> = {}): Promise<TestedPartition> {
  const { port } = await BornServer.start(t, "opcua", serverPlace, points);
  const opcua = bornOpcUaXml({ alias: "server", port, firstPlace: serverPlace, points, settings });
  return await modbusGateway(t, { opcua, ...options });
}

/** Both services show values that are younger than `sinceMs` (wall clock), in their images and documents. */
export function isFresh(partition: TestedPartition, sinceMs: number): boolean {
  return partition.witnesses.every((witness) => witness.isFresh(sinceMs));
}

/** A folder by which threads are told to fail, and how a partition is run so that it can be told. */
export function threadFaults(t: TestContext, nodeOptions = "") {
  const folder = mkdtempSync(join(tmpdir(), `cpc-test-${process.pid}-`));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const preloaded = fileURLToPath(new URL("./thread-faults.ts", import.meta.url));
  const env = {
    NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} ${nodeOptions} --import=${preloaded}`,
    CPC_THREAD_FAULTS: folder,
  };
  /** Whoever sees the file sees its text, too. */
  const order = (thread: string, fault: string, argument = ""): void => {
    const file = join(folder, `${thread}-${fault}`);
    writeFileSync(`${file}.new`, argument);
    renameSync(`${file}.new`, file);
  };
  return { order, launch: { env } };
}
