// A whole plant to try the partition on: for every Modbus device and OPC UA server of two configurations one that answers,
// on free ports of this machine, behind certificates made on the spot.
//
// Promises: `modbus` and `opcua` are the configurations that were handed in, changed only where they must point at the simulated
// servers; both sides trust each other's certificate because it was put there, not because anything accepts unknown ones;
// `stop` leaves no socket and no timer. The folder with the certificates stays: it belongs to the caller.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { createApplicationCertificate } from "../certificates/application-certificate.ts";
import { TrustList } from "../certificates/trust-list.ts";
import type {
  ModbusConfiguration,
  ModbusServer,
  OpcUaConfiguration,
  OpcUaIdentity,
  OpcUaServer,
} from "../config/configuration.ts";
import { ModbusDevice } from "./modbus-device.ts";
import { modbusTable } from "./modbus-registers.ts";
import { certificateHostNames, startOpcUaPlant, type OpcUaPlant } from "./opcua-plant/opcua-plant.ts";

export interface SimulatedPlantOptions {
  readonly modbus: ModbusConfiguration;
  readonly opcua: OpcUaConfiguration;
  /** An existing, private folder, empty of certificates: what is made on the spot goes there. */
  readonly directory: string;
  /** Ports of the first device and the first server; default 0, any free one. Further ones always take a free port. */
  readonly modbusPort?: number;
  readonly opcuaPort?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

export interface SimulatedPlant {
  readonly modbus: ModbusConfiguration;
  readonly opcua: OpcUaConfiguration;
  /** A directory as in trust-list.ts that trusts the plant's servers. */
  readonly securityDirectory: string;
  stop(): Promise<void>;
}

const validDays = 30;

interface KeyPairFiles {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

export async function startSimulatedPlant(options: SimulatedPlantOptions): Promise<SimulatedPlant> {
  const host = options.host ?? "127.0.0.1";
  const securityDirectory = join(options.directory, "certificates");
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(stops.splice(0).map((end) => end()));
  };
  try {
    const started = await Promise.allSettled([
      startModbus(options.modbus, host, options.modbusPort ?? 0, stops),
      startOpcUa(options, host, securityDirectory, stops),
    ]);
    const [modbus, opcua] = started;
    if (modbus.status === "rejected") throw modbus.reason;
    if (opcua.status === "rejected") throw opcua.reason;
    return { modbus: modbus.value, opcua: opcua.value, securityDirectory, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startModbus(
  configuration: ModbusConfiguration,
  host: string,
  firstPort: number,
  stops: (() => Promise<void>)[],
): Promise<ModbusConfiguration> {
  const replaced = new Map<ModbusServer, ModbusServer>();
  for (const [i, group] of groups(configuration.servers, (server) => `${server.host}:${server.port}`).entries()) {
    const device = await ModbusDevice.listen({
      table: modbusTable(group.flatMap((server) => server.points)),
      host,
      port: i === 0 ? firstPort : 0,
    });
    stops.push(() => device.stop());
    for (const server of group) replaced.set(server, { ...server, host, port: device.port });
  }
  return { ...configuration, servers: configuration.servers.map((server) => replaced.get(server) ?? server) };
}

async function startOpcUa(
  options: SimulatedPlantOptions,
  host: string,
  securityDirectory: string,
  stops: (() => Promise<void>)[],
): Promise<OpcUaConfiguration> {
  const { servers } = options.opcua;
  const own = new TrustList(securityDirectory);
  const folders = {
    trusted: own.trustedFolder,
    ownCertificates: join(securityDirectory, "own", "certs"),
    ownKeys: join(securityDirectory, "own", "private"),
    plant: join(options.directory, "plant"),
  };
  await Promise.all(Object.values(folders).map((folder) => mkdir(folder, { recursive: true, mode: 0o700 })));
  const plants = groups(servers, (server) => new URL(server.endpointUrl).host);
  const uris = [...new Set(servers.map(({ applicationUri }) => applicationUri))];
  const usersNeedCertificate = servers.some(({ identity }) => identity.kind === "Certificate");
  // Keys are what takes time; they are made side by side.
  const [clientFiles, serverFiles, userFiles] = await Promise.all([
    Promise.all(uris.map((uri, i) => create(uri, `client-${i + 1}`, folders.ownCertificates, folders.ownKeys))),
    Promise.all(plants.map((_, i) => create(plantUri(i), `plant-${i + 1}`, folders.trusted, folders.plant))),
    usersNeedCertificate
      ? create("urn:cpc-partition:user", "user", folders.ownCertificates, folders.ownKeys)
      : undefined,
  ]);
  const clientFilesByUri = new Map(uris.map((uri, i) => [uri, clientFiles[i]]));
  const replaced = new Map<OpcUaServer, OpcUaServer>();
  const withIdentity = servers.map((server) => [server, identityWith(server.identity, userFiles)] as const);
  const identities = new Map(withIdentity);

  await Promise.all(
    plants.map(async (group, i) => {
      const files = serverFiles[i];
      const first = group[0];
      if (files === undefined || first === undefined) return;
      const plant: OpcUaPlant = await startOpcUaPlant({
        ...files,
        host,
        port: i === 0 ? (options.opcuaPort ?? 0) : 0,
        resourcePath: new URL(first.endpointUrl).pathname.replace(/\/$/, ""),
        applicationUri: plantUri(i),
        policies: [...new Set(group.map(({ policy }) => policy))],
        modes: [...new Set(group.map(({ mode }) => mode))],
        identities: group.map((server) => identities.get(server) ?? server.identity),
        trustedClientCertificateFiles: clientFiles.map(({ certificateFile }) => certificateFile),
        nodes: group.flatMap(({ nodes }) => nodes),
        directory: folders.plant,
      });
      stops.push(() => plant.stop());
      for (const server of group) {
        const client = clientFilesByUri.get(server.applicationUri);
        replaced.set(server, {
          ...server,
          endpointUrl: plant.endpointUrl,
          serverCertificateFile: files.certificateFile,
          clientCertificateFile: client?.certificateFile,
          clientPrivateKeyFile: client?.privateKeyFile,
          identity: identities.get(server) ?? server.identity,
        });
      }
    }),
  );
  return { ...options.opcua, servers: servers.map((server) => replaced.get(server) ?? server) };

  async function create(uri: string, name: string, certificates: string, keys: string): Promise<KeyPairFiles> {
    const files = { certificateFile: join(certificates, `${name}.der`), privateKeyFile: join(keys, `${name}.pem`) };
    await createApplicationCertificate({
      ...files,
      applicationUri: uri,
      hostNames: certificateHostNames(host),
      commonName: `cpc-partition ${name}`,
      validDays,
    });
    return files;
  }
}

function plantUri(i: number): string {
  return `urn:cpc-partition:simulated-plant:server-${i + 1}`;
}

function identityWith(identity: OpcUaIdentity, files: KeyPairFiles | undefined): OpcUaIdentity {
  return identity.kind === "Certificate" && files !== undefined ? { kind: "Certificate", ...files } : identity;
}

/** Servers of one address are one machine, in the order of their first mention. */
function groups<Server>(servers: readonly Server[], address: (server: Server) => string): Server[][] {
  const found = new Map<string, Server[]>();
  for (const server of servers) {
    const group = found.get(address(server));
    if (group === undefined) found.set(address(server), [server]);
    else group.push(server);
  }
  return [...found.values()];
}
