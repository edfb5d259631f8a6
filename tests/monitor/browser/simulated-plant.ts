// The simulated plant of the shipped configuration, a partition on it, and the monitor: all processes of their own, as on a gateway.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Sandbox, type Child } from "../../partition/commands/cpc.ts";

const shipped = (file: string): string =>
  fileURLToPath(new URL(`../../../packages/partition/config/${file}`, import.meta.url));
const opcuaFile = shipped("opcua-endpoints.xml");
const modbusFile = shipped("modbustcp-endpoints_ecotec.xml");

export interface SimulatedPlant {
  readonly sandbox: Sandbox;
  readonly address: string;
  readonly opcuaServer: Child;
  readonly modbusDevices: Child;
  readonly startPartition: () => Child;
  readonly partition: Child;
  readonly startMonitor: (listen: string) => Promise<Child>;
  readonly monitor: Child;
}

export async function simulatedPlant(t: TestContext): Promise<SimulatedPlant> {
  const sandbox = new Sandbox(t);
  const directory = join(sandbox.folder, "plant");
  const opcuaServer = sandbox.cpc(["simulate", "--opcua", opcuaFile, "--directory", directory]);
  const modbusDevices = sandbox.cpc([
    "simulate",
    "--modbus",
    modbusFile,
    "--directory",
    join(sandbox.folder, "modbus"),
  ]);
  await opcuaServer.until("it answers", () => opcuaServer.stdout.includes("trust "));
  await modbusDevices.until("it answers", () => /Modbus TCP .*Energiez/.test(modbusDevices.stdout));
  const opcuaUrl = /OPC UA +(\S+)/.exec(opcuaServer.stdout)?.[1] ?? "";
  const ports = new Map(
    Array.from(modbusDevices.stdout.matchAll(/Modbus TCP +127\.0\.0\.1:(\d+) +(.*)/g), ([, port, alias]) => [
      alias,
      port,
    ]),
  );
  const opcua = readFileSync(opcuaFile, "utf8").replace(/opc\.tcp:[^<]*/, opcuaUrl);
  const modbus = readFileSync(modbusFile, "utf8").replaceAll(
    /<ipaddr>[^<]*<\/ipaddr>\s*<port>\d+<\/port>\s*<serveralias>([^<]*)/g,
    (_, alias: string) => `<ipaddr>127.0.0.1</ipaddr><port>${ports.get(alias)}</port><serveralias>${alias}`,
  );
  const files = ["--opcua", sandbox.write("opcua.xml", opcua), "--modbus", sandbox.write("modbus.xml", modbus)];
  const options = ["--prefix", sandbox.prefix, "--interval", "0.5", "--log-format", "json"];
  const startPartition = (): Child =>
    sandbox.cpc(["run", ...options, ...files, "--certificates", join(directory, "certificates")]);
  const startMonitor = async (listen: string): Promise<Child> => {
    const monitor = sandbox.cpc(["monitor", "--listen", listen, "--prefix", sandbox.prefix]);
    await monitor.until("it listens", () => monitor.stdout.endsWith("/\n"));
    return monitor;
  };
  const partition = startPartition();
  const monitor = await startMonitor("127.0.0.1:0");
  const address = monitor.stdout.replace(/^monitor: /, "").trim();
  return { sandbox, address, opcuaServer, modbusDevices, startPartition, partition, startMonitor, monitor };
}
