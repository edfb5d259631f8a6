// A whole plant to try the partition on: for every Modbus device and OPC UA server of two configurations one that answers,
// on free ports of this machine, behind certificates made on the spot.
//
// Promises: `modbus` and `opcua` are the configurations that were handed in, changed only where they must point at the simulated
// servers (Modbus devices speak plain TCP, also where the configuration says TLS); both sides trust each other's certificate because it was put there, not because anything accepts unknown ones;
// `stop` leaves no socket and no timer. The folder with the certificates stays: it belongs to the caller.

import { join } from "node:path";

import { hostInUrl } from "cpc-partition/certificates/host-name";
import type { ModbusConfiguration, ModbusServer } from "cpc-partition/protocols/modbus/configuration/modbus-server";
import type { OpcUaConfiguration, OpcUaServer } from "cpc-partition/protocols/opcua/configuration/opc-ua-server";
import type { ConfiguredPlant } from "./configured-plant.ts";
import { ModbusDevice } from "./modbus-device.ts";
import { modbusTable } from "./modbus-registers.ts";
import { startOpcUaPlant } from "./opcua-plant/opcua-plant.ts";
import { createPlantCertificates } from "./plant-certificates.ts";

export interface SimulatedPlantOptions extends ConfiguredPlant {
  /** A private folder: the certificates and keys made on the spot go there, and replace the servers' of an earlier plant. */
  readonly directory: string;
  /** Ports of the first device and the first server; default 0, any free one. Further ones always take a free port. */
  readonly modbusPort?: number;
  readonly opcuaPort?: number;
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** By which clients reach the plant: it stands in certificates and endpoint URLs; default: the host. */
  readonly hostName?: string;
  /**
   * "made": clients and users get new certificates, and the configuration handed back names them (default). "theirs": the plant
   * believes the certificates that the configuration names or, where it names none, that the client puts into the security
   * directory itself (own-certificate-files.ts).
   */
  readonly clientCertificates?: "made" | "theirs";
}

export interface SimulatedPlant extends ConfiguredPlant {
  /** A directory as in trust-list.ts that trusts the plant's servers. */
  readonly securityDirectory: string;
  stop(): Promise<void>;
}

type Stop = () => Promise<void>;
type PlantAddress = Required<Pick<SimulatedPlantOptions, "host" | "hostName">>;

/** Rejects, with everything stopped again, when one of the servers cannot be started. */
export async function startSimulatedPlant(options: SimulatedPlantOptions): Promise<SimulatedPlant> {
  const host = options.host ?? "127.0.0.1";
  const address: PlantAddress = { host, hostName: options.hostName ?? host };
  const securityDirectory = join(options.directory, "certificates");
  const stops: Stop[] = [];
  const stop: Stop = async () => {
    await Promise.all(stops.splice(0).map((end) => end()));
  };
  try {
    const [modbus, opcua] = await settled(
      startModbusDevices(options.modbus, address, options.modbusPort ?? 0, stops),
      startOpcUaServers(options, address, securityDirectory, stops),
    );
    return { modbus, opcua, securityDirectory, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startModbusDevices(
  configuration: ModbusConfiguration,
  { host, hostName }: PlantAddress,
  firstPort: number,
  stops: Stop[],
): Promise<ModbusConfiguration> {
  // Servers of one address are one machine.
  const devices = Map.groupBy(configuration.servers, addressOfDevice);
  const ports = new Map<string, number>();
  for (const [address, servers] of devices) {
    const table = modbusTable(servers.flatMap(({ points }) => points));
    const device = await ModbusDevice.listen({ table, host, port: ports.size === 0 ? firstPort : 0 });
    stops.push(() => device.stop());
    ports.set(address, device.port);
  }
  const servers = configuration.servers.map((server) => {
    const port = ports.get(addressOfDevice(server));
    const plain = server.tls === undefined ? {} : { tls: undefined };
    return port === undefined ? server : { ...server, ...plain, host: hostName, port };
  });
  return { ...configuration, servers };
}

async function startOpcUaServers(
  options: SimulatedPlantOptions,
  address: PlantAddress,
  securityDirectory: string,
  stops: Stop[],
): Promise<OpcUaConfiguration> {
  const plants = [...Map.groupBy(options.opcua.servers, addressOfServer).values()];
  const { privateFolder, certificates, servers } = await createPlantCertificates({
    servers: options.opcua.servers,
    plants: plants.length,
    clientCertificates: options.clientCertificates ?? "made",
    hostName: address.hostName,
    directory: options.directory,
    securityDirectory,
  });
  const started = await settled(
    ...certificates.map(async (own, i) => {
      const originals = plants[i] ?? [];
      const group = originals.map((server) => servers.get(server) ?? server);
      const plant = await startOpcUaPlant({
        ...own,
        ...address,
        port: i === 0 ? (options.opcuaPort ?? 0) : 0,
        resourcePath: pathOf(group[0]?.endpointUrl),
        policies: [...new Set(group.map(({ policy }) => policy))],
        modes: [...new Set(group.map(({ mode }) => mode))],
        identities: group.map(({ identity }) => identity),
        trustedClientCertificateFiles: group.flatMap(({ clientCertificateFile }) => clientCertificateFile ?? []),
        nodes: group.flatMap(({ nodes }) => nodes),
        directory: privateFolder,
      });
      stops.push(() => plant.stop());
      const pointed = { endpointUrl: plant.endpointUrl, serverCertificateFile: own.certificateFile };
      return originals.map((server) => [server, pointed] as const);
    }),
  );
  const found = new Map(started.flat());
  return {
    ...options.opcua,
    servers: options.opcua.servers.map((server) => ({ ...server, ...servers.get(server), ...found.get(server) })),
  };
}

function pathOf(endpointUrl = ""): string {
  return URL.parse(endpointUrl)?.pathname.replace(/\/$/, "") ?? "";
}

/** The scheme is none that `URL` knows: it neither folds the host's case nor leaves out the default port. */
function addressOfServer({ endpointUrl }: OpcUaServer): string {
  const { hostname, port } = new URL(endpointUrl);
  return `${hostname.toLowerCase()}:${port || 4840}`;
}

function addressOfDevice({ host, port }: ModbusServer): string {
  return `${hostInUrl(host)}:${port}`;
}

/** All results, or the first failure, but only when nothing is under way any more: what did start is then known and can be stopped. */
async function settled<Results extends readonly unknown[]>(
  ...starting: { readonly [I in keyof Results]: Promise<Results[I]> }
): Promise<Results> {
  await Promise.allSettled(starting);
  return Promise.all(starting);
}
