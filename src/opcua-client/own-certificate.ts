// Who this client is to a server: the certificate that the configuration names or, where it names none, the partition's own,
// made at first use and kept in {certificates}/own/, one per application URI.

import { X509Certificate, createPrivateKey } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { createApplicationCertificate } from "../certificates/application-certificate.ts";
import { readCertificateFile } from "../certificates/certificate-file.ts";
import { ownCertificateFiles } from "../certificates/own-certificate-files.ts";
import type { OpcUaServer } from "../config/configuration.ts";
import { ServerError } from "../point/server-error.ts";

export interface KeyPair {
  /** DER, leaf first. */
  readonly certificateChain: readonly Buffer[];
  readonly privateKeyPem: string;
}

const validDays = 3650;

/** Clients of one process that share an application URI must not create its certificate twice. */
const underway = new Map<string, Promise<void>>();

/** The application instance certificate for this server. Throws a ServerError (SecurityRefused) when there is none to be had. */
export async function applicationKeyPair(server: OpcUaServer, directory: string): Promise<KeyPair> {
  const { clientCertificateFile, clientPrivateKeyFile, applicationUri } = server;
  if (clientCertificateFile !== undefined && clientPrivateKeyFile !== undefined) {
    return readKeyPair(server, clientCertificateFile, clientPrivateKeyFile);
  }
  const { certificateFile, privateKeyFile } = ownCertificateFiles(directory, applicationUri);
  if (underway.has(certificateFile) || !existsSync(certificateFile)) {
    try {
      await createOnce(applicationUri, certificateFile, privateKeyFile);
    } catch (cause) {
      throw refused(server, `cannot create the own certificate ${certificateFile}: ${(cause as Error).message}`, cause);
    }
  }
  return readKeyPair(server, certificateFile, privateKeyFile);
}

function createOnce(applicationUri: string, certificateFile: string, privateKeyFile: string): Promise<void> {
  const present = underway.get(certificateFile);
  if (present !== undefined) return present;
  mkdirSync(join(certificateFile, ".."), { recursive: true });
  mkdirSync(join(privateKeyFile, ".."), { recursive: true, mode: 0o700 });
  const creation = createApplicationCertificate({
    applicationUri,
    hostNames: [hostname()],
    certificateFile,
    privateKeyFile,
    validDays,
  }).finally(() => underway.delete(certificateFile));
  underway.set(certificateFile, creation);
  return creation;
}

/** Reads both files and makes sure that they belong together. */
export function readKeyPair(server: OpcUaServer, certificateFile: string, privateKeyFile: string): KeyPair {
  let pair: KeyPair;
  let belongsTogether: boolean;
  try {
    pair = {
      certificateChain: readCertificateFile(certificateFile),
      privateKeyPem: readFileSync(privateKeyFile, "utf8"),
    };
    const leaf = new X509Certificate(pair.certificateChain[0] ?? Buffer.alloc(0));
    belongsTogether = leaf.checkPrivateKey(createPrivateKey(pair.privateKeyPem));
  } catch (cause) {
    throw refused(
      server,
      `cannot use certificate ${certificateFile} with key ${privateKeyFile}: ${(cause as Error).message}`,
      cause,
    );
  }
  if (!belongsTogether) {
    throw refused(server, `cannot use certificate ${certificateFile} because ${privateKeyFile} is not its private key`);
  }
  return pair;
}

function refused(server: OpcUaServer, message: string, cause?: unknown): ServerError {
  return new ServerError("SecurityRefused", server.alias, message, cause === undefined ? undefined : { cause });
}
