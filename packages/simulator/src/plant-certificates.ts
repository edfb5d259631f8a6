// Who is who in a simulated plant: a certificate for each server and, unless they have their own, each client application and
// the user.
//
// Promises: all keys are made side by side; a client's files and the trusted servers lie in one directory as trust-list.ts
// describes it, the servers' keys elsewhere, where no client looks.

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { createApplicationCertificate } from "cpc-partition/certificates/application-certificate";
import { ownCertificateFiles } from "cpc-partition/certificates/own-certificate-files";
import { TrustList } from "cpc-partition/certificates/trust-list";
import type { OpcUaServer } from "cpc-partition/protocols/opcua/configuration/opc-ua-server";
import { certificateHostNames } from "./opcua-plant/opcua-plant.ts";

/** Longer than anybody warns of an end. */
const validDays = 100;

export interface PlantCertificatesOptions {
  readonly servers: readonly OpcUaServer[];
  /** How many server applications are needed. */
  readonly plants: number;
  readonly hostName: string;
  /** As in SimulatedPlantOptions. */
  readonly clientCertificates: "made" | "theirs";
  readonly directory: string;
  readonly securityDirectory: string;
}

export interface PlantCertificate {
  readonly applicationUri: string;
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

export interface PlantCertificates {
  /** Where the servers' keys are. */
  readonly privateFolder: string;
  /** One for each server application. */
  readonly certificates: readonly PlantCertificate[];
  /** The servers handed in, with the client's certificate files and, for user certificates that were made, the user's. */
  readonly servers: ReadonlyMap<OpcUaServer, OpcUaServer>;
}

export async function createPlantCertificates(options: PlantCertificatesOptions): Promise<PlantCertificates> {
  const { securityDirectory } = options;
  const trustedFolder = new TrustList(securityDirectory).trustedFolder;
  const privateFolder = join(options.directory, "plant");
  for (const folder of [trustedFolder, privateFolder]) await mkdir(folder, privately);
  const [certificates, servers] = await Promise.all([
    Promise.all(
      Array.from({ length: options.plants }, async (_, i) => {
        const files = pairOfFiles(trustedFolder, privateFolder, `plant-${i + 1}`);
        // An earlier plant's: it may be out of date or for another host name.
        await Promise.all(Object.values(files).map((file) => rm(file, { force: true })));
        return create(files, `urn:cpc-partition:simulated-plant:${i + 1}`, `plant-${i + 1}`, options.hostName);
      }),
    ),
    options.clientCertificates === "made" ? makeClients(options) : expectClients(options),
  ]);
  return { privateFolder, certificates, servers: new Map(servers) };
}

/** A configured server, and the same with the certificates that its clients and users have. */
type Equipped = readonly [OpcUaServer, OpcUaServer];

function expectClients({ servers, securityDirectory }: PlantCertificatesOptions): Equipped[] {
  return servers.map((server) => {
    const own = ownCertificateFiles(securityDirectory, server.applicationUri);
    const clientCertificateFile = server.clientCertificateFile ?? own.certificateFile;
    const clientPrivateKeyFile = server.clientPrivateKeyFile ?? own.privateKeyFile;
    return [server, { ...server, clientCertificateFile, clientPrivateKeyFile }];
  });
}

async function makeClients({ servers, securityDirectory, hostName }: PlantCertificatesOptions): Promise<Equipped[]> {
  const certificates = join(securityDirectory, "own", "certs");
  const keys = join(securityDirectory, "own", "private");
  for (const folder of [certificates, keys]) await mkdir(folder, privately);
  const make = (applicationUri: string, name: string) =>
    create(pairOfFiles(certificates, keys, name), applicationUri, name, hostName);
  const clientUris = [...new Set(servers.map(({ applicationUri }) => applicationUri))];
  const users = servers.some(({ identity }) => identity.kind === "Certificate") ? ["user"] : [];
  const [clients, [user]] = await Promise.all([
    Promise.all(clientUris.map((uri, i) => make(uri, `client-${i + 1}`))),
    Promise.all(users.map((name) => make(`urn:cpc-partition:${name}`, name))),
  ]);
  return servers.map((server) => {
    const client = clients.find(({ applicationUri }) => applicationUri === server.applicationUri);
    const identity =
      server.identity.kind === "Certificate" && user !== undefined
        ? { ...server.identity, certificateFile: user.certificateFile, privateKeyFile: user.privateKeyFile }
        : server.identity;
    const clientCertificateFile = client?.certificateFile;
    const clientPrivateKeyFile = client?.privateKeyFile;
    return [server, { ...server, identity, clientCertificateFile, clientPrivateKeyFile }];
  });
}

const privately = { recursive: true, mode: 0o700 } as const;

function pairOfFiles(certificates: string, keys: string, name: string) {
  return { certificateFile: join(certificates, `${name}.der`), privateKeyFile: join(keys, `${name}.pem`) };
}

async function create(
  files: Omit<PlantCertificate, "applicationUri">,
  applicationUri: string,
  name: string,
  hostName: string,
): Promise<PlantCertificate> {
  const hostNames = certificateHostNames(hostName);
  await createApplicationCertificate({ ...files, applicationUri, hostNames, validDays, commonName: `cpc ${name}` });
  return { applicationUri, ...files };
}
