// Our side of a benchmark: the parts that a partition is made of, taken through a poll when the benchmark says so, instead of by the clock. With
// `document` each poll is also rendered and published under the guard, as the documents process does.
//
//   our-polls.ts modbus|opcua CONFIGURATION image|document

import { dirname } from "node:path";
import { loadModbusConfiguration } from "../packages/partition/src/protocols/modbus/configuration/modbus-configuration.ts";
import { loadOpcUaConfiguration } from "../packages/partition/src/protocols/opcua/configuration/opc-ua-configuration.ts";
import type { Log } from "../packages/process/src/log.ts";
import type { ServerClient } from "../packages/partition/src/library/server-client.ts";
import { GuardedTarget } from "../packages/documents/src/guarded-targets.ts";
import { ImageGenerations, privateImage } from "../packages/partition/src/sources/image-generations.ts";
import { ConnectionState } from "../packages/image/src/layout.ts";
import { isGood } from "../packages/image/src/reader.ts";
import { consumerPairNames } from "../packages/documents/src/consumer-names.ts";
import { ConsumerPair, openConsumerPair } from "../packages/documents/src/consumer-pair.ts";
import { documentForm } from "../packages/documents/src/document-form.ts";
import { DocumentRenderer } from "../packages/documents/src/document-renderer.ts";
import { answerPolls } from "./peers/polling.ts";

const [service, file, extent] = process.argv.slice(2) as ["modbus" | "opcua", string, "image" | "document"];
const log: Log = (level, message) => process.stderr.write(`${level}: ${message}\n`);
const { signal } = new AbortController();

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
const snapshot = generations.reader.reusableSnapshot(0);

async function poll(into: NonNullable<typeof block>): Promise<void> {
  const startMs = performance.now();
  into.begin();
  await client.poll(into, signal);
  into.publish(ConnectionState.connected, performance.now() - startMs);
  if (extent === "image") return;
  const outcome = await target.publish(renderer.render(target.capacityBytes).bytes);
  if (outcome !== "Done") throw new TypeError(`the document was not published: ${outcome}`);
}

/** As a reader of the image sees it. */
function sum(): number {
  if (!snapshot.refresh()) throw new TypeError("the image cannot be copied");
  return snapshot.points.reduce((total, _point, index) => {
    if (!isGood(snapshot.status(index))) throw new TypeError(`point ${index} is not good`);
    return total + snapshot.number(index, snapshot.type(index));
  }, 0);
}

try {
  await answerPolls(() => poll(block), sum);
} finally {
  guard.close();
  pair.remove();
  pair.close();
  await client.disconnect();
}
