// Our side of a benchmark: the parts that a service's worker is made of, taken through one cycle for each line of standard input
// (poll, render, publish under the guard), instead of by the clock. Says {"ready": true} once it is connected.
//
//   our-cycle.ts modbus|opcua CONFIGURATION

import { createInterface } from "node:readline";
import { dirname } from "node:path";
import { loadModbusConfiguration } from "../packages/partition/src/configuration/modbus-configuration.ts";
import { loadOpcUaConfiguration } from "../packages/partition/src/configuration/opc-ua-configuration.ts";
import type { Log } from "../packages/process/src/log.ts";
import type { ServerClient } from "../packages/partition/src/library/server-client.ts";
import { GuardedTarget } from "../packages/documents/src/guarded-targets.ts";
import { ImageGenerations, privateImage } from "../packages/partition/src/sources/image-generations.ts";
import { ConnectionState } from "../packages/image/src/layout.ts";
import { consumerPairNames } from "../packages/documents/src/consumer-names.ts";
import { ConsumerPair, openConsumerPair } from "../packages/documents/src/consumer-pair.ts";
import { documentForm } from "../packages/documents/src/document-form.ts";
import { DocumentRenderer } from "../packages/documents/src/document-renderer.ts";
import type { CycleCost } from "./cycling-process.ts";

const [service, file] = process.argv.slice(2) as ["modbus" | "opcua", string];
const log: Log = (level, message) => process.stderr.write(`${level}: ${message}\n`);
const signal = new AbortController().signal;

/** The modules of a protocol are loaded on demand, as a worker loads only its own: the memory shown is then that of one service. */
async function firstClient(): Promise<ServerClient> {
  if (service === "modbus") {
    const { ModbusConnections } =
      await import("../packages/partition/src/protocols/modbus/connection/modbus-connections.ts");
    const { ModbusTcpClient } = await import("../packages/partition/src/library/modbus-tcp-client.ts");
    const server = loadModbusConfiguration(file).configuration.servers[0];
    if (server !== undefined) return new ModbusTcpClient(server, new ModbusConnections());
  }
  const { OpcUaClient } = await import("../packages/partition/src/library/opcua-client.ts");
  const { silenceNodeOpcUa } = await import("../packages/partition/src/protocols/opcua/silence.ts");
  // Standard output belongs to the figures.
  silenceNodeOpcUa();
  const directory = dirname(file);
  const server = loadOpcUaConfiguration(file, { certificatesDirectory: directory }).configuration.servers[0];
  if (server === undefined) throw new TypeError(`${file} has no server`);
  return new OpcUaClient(server, { directory });
}

const client = await firstClient();
await client.connect(signal);
const generations = await ImageGenerations.create({ service, intervalMs: 1000 }, [client], privateImage, log);
const block = generations.image.blocks[0]?.groups[0];
if (block === undefined) throw new RangeError("the image has no block for the server");
const names = consumerPairNames(service, [], `benchmark_${process.pid}_`);
const pair = ConsumerPair.createAll(names, 200 * (client.points.length + 1))[0];
if (pair === undefined) throw new RangeError("no segment was made");
const { segment, guard } = openConsumerPair(pair.handle());
const target = new GuardedTarget(segment, guard, log);
const renderer = new DocumentRenderer(generations.reader, documentForm(service));

async function cycle(): Promise<CycleCost> {
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  block?.begin();
  await client.poll(block as NonNullable<typeof block>, signal);
  block?.publish(ConnectionState.connected, performance.now() - startMs);
  const { bytes } = renderer.render(target.capacityBytes);
  const outcome = await target.publish(bytes);
  const wallMs = performance.now() - startMs;
  if (outcome !== "Done") throw new TypeError(`the document was not published: ${outcome}`);
  const cpu = process.cpuUsage(cpuBefore);
  return {
    wallMs,
    cpuMs: (cpu.user + cpu.system) / 1000,
    rssMiB: process.memoryUsage.rss() / 2 ** 20,
    bytes: bytes.length,
  };
}

process.stdout.write('{"ready": true}\n');
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
try {
  while ((await lines.next()).done !== true) process.stdout.write(`${JSON.stringify(await cycle())}\n`);
} finally {
  guard.close();
  pair.remove();
  pair.close();
  await client.disconnect();
}
