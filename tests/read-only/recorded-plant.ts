// The shipped configuration, a simulated plant that answers it, and a recording proxy before each of its servers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Lifetime } from "../image/posix/own-objects.ts";
import type { Child, Sandbox } from "../partition/commands/cpc.ts";
import {
  recordModbus,
  recordOpcUa,
  type ModbusRequest,
  type OpcUaRequest,
  type RecordingProxy,
} from "../plant/recording-proxy.ts";

const shipped = (file: string): string =>
  fileURLToPath(new URL(`../../packages/partition/config/${file}`, import.meta.url));

export interface RecordedPlant {
  readonly opcua: RecordingProxy<OpcUaRequest>;
  readonly modbus: readonly RecordingProxy<ModbusRequest>[];
  /** Writes the configuration that leads through the proxies, and gives its file. `change` may alter the text. */
  writeOpcUa(change?: (xml: string) => string): string;
  writeModbus(change?: (xml: string) => string): string;
  readonly certificatesDirectory: string;
  readonly simulator: Child;
}

export async function startRecordedPlant(
  t: Lifetime,
  sandbox: Sandbox,
  { policy, mode }: { readonly policy: string; readonly mode: string },
): Promise<RecordedPlant> {
  const opcuaXml = readFileSync(shipped("opcua-endpoints.xml"), "utf8")
    .replace(/<policy>[^<]*/, `<policy>${policy}`)
    .replace(/<mode>[^<]*/, `<mode>${mode}`)
    .replace(/<retryInterval>[^<]*/, "<retryInterval>0.1");
  const modbusXml = readFileSync(shipped("modbustcp-endpoints_ecotec.xml"), "utf8")
    // As long as the shipped one, it is refused with the interval of the tests.
    .replace(/<pauseBetweenRequests>[^<]*/, "<pauseBetweenRequests>0.01")
    .replaceAll(/<interval>[^<]*<\/interval>/g, "")
    .replaceAll("</serveralias>", "</serveralias><retryInterval>0.1</retryInterval>");
  const directory = join(sandbox.folder, "plant");
  const files = [sandbox.write("plant-opcua.xml", opcuaXml), sandbox.write("plant-modbus.xml", modbusXml)] as const;
  const simulator = sandbox.cpc(["simulate", "--opcua", files[0], "--modbus", files[1], "--directory", directory]);
  await simulator.until("the plant answers", () => simulator.stdout.includes("trust "));

  const opcuaUrl = new URL(/OPC UA +(\S+)/.exec(simulator.stdout)?.[1] ?? "");
  const opcua = await recordOpcUa(Number(opcuaUrl.port));
  const modbus = new Map<string, RecordingProxy<ModbusRequest>>();
  for (const [, port, alias = ""] of simulator.stdout.matchAll(/Modbus TCP +127\.0\.0\.1:(\d+) +(.*)/g)) {
    modbus.set(alias, await recordModbus(Number(port)));
  }
  t.after(() => Promise.all([opcua, ...modbus.values()].map((proxy) => proxy.close())));
  opcuaUrl.port = String(opcua.port);
  const leadingToUs = {
    opcua: opcuaXml.replace(/opc\.tcp:[^<]*/, opcuaUrl.href),
    modbus: modbusXml.replaceAll(
      /<ipaddr>[^<]*<\/ipaddr>\s*<port>\d+<\/port>\s*<serveralias>([^<]*)/g,
      (_, alias: string) => `<ipaddr>127.0.0.1</ipaddr><port>${modbus.get(alias)?.port}</port><serveralias>${alias}`,
    ),
  };
  return {
    opcua,
    modbus: [...modbus.values()],
    writeOpcUa: (change = (xml) => xml) => sandbox.write("opcua.xml", change(leadingToUs.opcua)),
    writeModbus: (change = (xml) => xml) => sandbox.write("modbus.xml", change(leadingToUs.modbus)),
    certificatesDirectory: join(directory, "certificates"),
    simulator,
  };
}

/** OPC 10000-4, 5.5 to 5.11: what connects and reads; the paths lead to the texts of values. */
export const connectingAndReading = [
  "ActivateSession",
  "CloseSecureChannel",
  "CloseSession",
  "CreateSession",
  "GetEndpoints",
  "Hello",
  "OpenSecureChannel",
  "Read",
  "TranslateBrowsePathsToNodeIds",
];

/** 5.13 and 5.14: what a subscription takes besides. */
export const subscribing = ["CreateMonitoredItems", "CreateSubscription", "Publish"];
/** What taking a subscription over takes besides. */
export const takingOver = ["Republish", "TransferSubscriptions"];

/** Exactly the services and function codes that a run takes, no more and no fewer. */
export function assertOnlyReading({ opcua, modbus }: RecordedPlant, further: readonly string[] = []): void {
  const services = new Set(opcua.requests.map(({ service }) => service));
  const functionCodes = new Set(modbus.flatMap(({ requests }) => requests.map(({ functionCode }) => functionCode)));
  assert.deepEqual([...services].toSorted(), [...connectingAndReading, ...further].toSorted());
  assert.deepEqual(functionCodes, new Set([1, 2, 3, 4]));
}
