// Who is who in a simulated plant: a certificate for each server, each client application and, when asked for, the user.
//
// Promises: all keys are made side by side; a client's files and the trusted servers lie in one directory as trust-list.ts
// describes it, the servers' keys elsewhere, where no client looks.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { createApplicationCertificate } from "../certificates/application-certificate.ts";
import { TrustList } from "../certificates/trust-list.ts";
import type { OpcUaServer } from "../config/configuration.ts";
import { certificateHostNames } from "./opcua-plant/opcua-plant.ts";

/** A plant outlives no month. */
const validDays = 30;

export interface PlantCertificatesOptions {
  readonly servers: readonly OpcUaServer[];
  /** How many server applications are needed. */
  readonly plants: number;
  readonly host: string;
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
  /** The servers handed in, with the client's certificate files and, for user certificates, the user's. */
  readonly servers: ReadonlyMap<OpcUaServer, OpcUaServer>;
}

export async function createPlantCertificates(options: PlantCertificatesOptions): Promise<PlantCertificates> {
  const { servers, securityDirectory } = options;
  const trustedFolder = new TrustList(securityDirectory).trustedFolder;
  const ownCertificates = join(securityDirectory, "own", "certs");
  const ownKeys = join(securityDirectory, "own", "private");
  const privateFolder = join(options.directory, "plant");
  for (const folder of [trustedFolder, ownCertificates, ownKeys, privateFolder]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  const hostNames = certificateHostNames(options.host);
  const create = async (applicationUri: string, name: string, certificates: string, keys: string) => {
    const files = { certificateFile: join(certificates, `${name}.der`), privateKeyFile: join(keys, `${name}.pem`) };
    await createApplicationCertificate({ ...files, applicationUri, hostNames, validDays, commonName: `cpc ${name}` });
    return { applicationUri, ...files };
  };

  const clientUris = [...new Set(servers.map(({ applicationUri }) => applicationUri))];
  const users = servers.some(({ identity }) => identity.kind === "Certificate") ? ["user"] : [];
  const [certificates, clients, [user]] = await Promise.all([
    Promise.all(
      Array.from({ length: options.plants }, (_, i) =>
        create(`urn:cpc-partition:simulated-plant:${i + 1}`, `plant-${i + 1}`, trustedFolder, privateFolder),
      ),
    ),
    Promise.all(clientUris.map((uri, i) => create(uri, `client-${i + 1}`, ownCertificates, ownKeys))),
    Promise.all(users.map((name) => create(`urn:cpc-partition:${name}`, name, ownCertificates, ownKeys))),
  ]);
  const withFiles = servers.map((server): [OpcUaServer, OpcUaServer] => {
    const client = clients.find(({ applicationUri }) => applicationUri === server.applicationUri);
    const identity =
      server.identity.kind === "Certificate" && user !== undefined
        ? { ...server.identity, certificateFile: user.certificateFile, privateKeyFile: user.privateKeyFile }
        : server.identity;
    return [
      server,
      {
        ...server,
        identity,
        clientCertificateFile: client?.certificateFile,
        clientPrivateKeyFile: client?.privateKeyFile,
      },
    ];
  });
  return { privateFolder, certificates, servers: new Map(withFiles) };
}
