// What the soak reads: twenty servers of both protocols, every point a born value with a place of its own, and the bounds that the
// product promises for them.

import { bornModbusXml } from "../faults/born-modbus.ts";
import { bornOpcUaXml } from "../faults/born-opcua.ts";

export type Protocol = "modbus" | "opcua";

export interface PlannedServer {
  readonly alias: string;
  readonly protocol: Protocol;
  /** Which of the processes of its protocol it lives in. */
  readonly process: number;
  readonly firstPlace: number;
  readonly points: number;
  /** OPC UA only; without the "SecurityPolicy" in front. */
  readonly policy: string;
  readonly tokenLifetimeMs: number;
}

export const intervalMs = 1000;
export const timeoutMs = 1000;
export const retryIntervalMs = 1000;
export const pointsPerServer = 20;
/** Half of a device's registers, so that one of its two requests can fail alone. */
export const registersPerRequest = 40;

const modbusServers = 12;
const modbusProcesses = 2;
const opcuaServers = 8;
const opcuaProcesses = 4;
const policies = ["None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"];
const tokenLifetimesMs = [20_000, 40_000, 60_000];

/**
 * How old a value may get that looks good. A poll begins with the interval and waits for every answer no longer than the
 * time-out; until the poll ends, in whichever way, a reader sees the values of the one before it. The rest is for a busy machine.
 */
const machineMs = 300;
const requestsPerPoll: Readonly<Record<Protocol, number>> = { modbus: 2, opcua: 1 };
export const oldestGoodMs = (protocol: Protocol): number =>
  intervalMs + requestsPerPoll[protocol] * timeoutMs + machineMs;

/** A document waits up to 200 ms for polls of its tick and stands for an interval. */
const documentMs = 200;
/** One is left out for a consumer that holds its guard. */
export const oldestInDocumentMs = (protocol: Protocol, isDisturbed: boolean): number =>
  oldestGoodMs(protocol) + documentMs + intervalMs * (isDisturbed ? 2 : 1);

/**
 * How long after a server is back its values may be missing: an attempt that is under way may still wait for its time-out, then the
 * farewell (OPC UA, 2 s), the pause before the next attempt, and that attempt.
 */
export const recoveryMs: Readonly<Record<Protocol, number>> = {
  modbus: timeoutMs + retryIntervalMs + 1000,
  opcua: timeoutMs + 2000 + retryIntervalMs + 2000,
};

export const servers: readonly PlannedServer[] = [
  ...Array.from({ length: modbusServers }, (_, index) => planned("modbus", index, index % modbusProcesses, index)),
  ...Array.from({ length: opcuaServers }, (_, index) =>
    planned("opcua", index, index % opcuaProcesses, modbusServers + index),
  ),
];

export function processesOf(protocol: Protocol): number {
  return protocol === "modbus" ? modbusProcesses : opcuaProcesses;
}

export function serversOf(protocol: Protocol, process?: number): readonly PlannedServer[] {
  return servers.filter((server) => server.protocol === protocol && [undefined, server.process].includes(process));
}

const settings = `<timeout>${timeoutMs / 1000}</timeout><retryInterval>${retryIntervalMs / 1000}</retryInterval>`;

/** `versions`: how often the configuration of a server was changed. */
export function modbusXml(ports: ReadonlyMap<string, number>, versions: ReadonlyMap<string, number>): string {
  return bornModbusXml(
    ...serversOf("modbus").map(({ alias, firstPlace, points }) => ({
      alias,
      port: ports.get(alias) ?? 0,
      firstPlace,
      points,
      settings: `${settings}<maxRegistersPerRequest>${registersPerRequest}</maxRegistersPerRequest>`,
      endpointSettings: () => `<engineeringUnit>${versions.get(alias) ?? 0}</engineeringUnit>`,
    })),
  );
}

export function opcuaXml(ports: ReadonlyMap<string, number>): string {
  return bornOpcUaXml(
    ...serversOf("opcua").map(({ alias, firstPlace, points, policy }) => ({
      alias,
      port: ports.get(alias) ?? 0,
      firstPlace,
      points,
      policy,
      settings,
    })),
  );
}

function planned(protocol: Protocol, index: number, process: number, order: number): PlannedServer {
  return {
    alias: `${protocol}-${index + 1}`,
    protocol,
    process,
    firstPlace: order * pointsPerServer,
    points: pointsPerServer,
    policy: policies[index % policies.length] ?? "None",
    tokenLifetimeMs: tokenLifetimesMs[index % tokenLifetimesMs.length] ?? 0,
  };
}
