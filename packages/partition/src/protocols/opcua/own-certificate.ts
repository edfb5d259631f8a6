// Who this client is to a server: the certificate that the configuration names or, where it names none, the partition's own,
// made at first use and kept in {certificates}/own/, one per application URI.

import { X509Certificate, createPrivateKey, type KeyObject } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ApplicationCertificateError } from "../../certificates/application-certificate.ts";
import { readCertificateFile } from "../../certificates/certificate-file.ts";
import {
  completeOwnCertificate,
  createOwnCertificate,
  ownCertificateFiles,
  type OwnCertificateOptions,
} from "../../certificates/own-certificate-files.ts";
import { writingTrouble } from "@cpc-partition/process/file-trouble";
import { readPrivateKeyFile } from "../../certificates/private-key-file.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import { ServerError } from "../../sources/server-error.ts";

export interface KeyPair {
  /** Absolute. */
  readonly certificateFile: string;
  /** DER, leaf first. */
  readonly certificateChain: readonly Buffer[];
  /** PKCS #8, decrypted. */
  readonly privateKeyPem: string;
  /** Wall clock, when the leaf expires. */
  readonly endsMs: number;
}

const validDays = 3650;

/** Longest wait for the certificate of another process that has written its key already. */
const longestCreationMs = 5000;
/** Whoever wrote the key so long ago was killed before the certificate was written. */
const givenUpAfterMs = 60_000;

/** Clients of one process that share an application URI must not create its certificate twice. */
const underway = new Map<string, Promise<unknown>>();

/** The application instance certificate for this server. Throws a ServerError (SecurityRefused) when there is none to be had. */
export async function applicationKeyPair(server: OpcUaServer, directory: string): Promise<KeyPair> {
  const { clientCertificateFile, clientPrivateKeyFile, applicationUri } = server;
  if (clientCertificateFile !== undefined && clientPrivateKeyFile !== undefined) {
    return readKeyPair(server, clientCertificateFile, clientPrivateKeyFile, server.privateKeyPassphrase);
  }
  const { certificateFile, privateKeyFile } = ownCertificateFiles(directory, applicationUri);
  if (underway.has(`${directory} ${applicationUri}`) || !existsSync(certificateFile)) {
    try {
      await createOnce(directory, applicationUri);
    } catch (cause) {
      throw refused(server, `cannot create the own certificate ${certificateFile}: ${writingTrouble(cause)}`, cause);
    }
  }
  return readKeyPair(server, certificateFile, privateKeyFile);
}

function createOnce(directory: string, applicationUri: string): Promise<unknown> {
  const id = `${directory} ${applicationUri}`;
  const present = underway.get(id);
  if (present !== undefined) return present;
  const options = { applicationUri, hostNames: [hostname()], validDays };
  const creation = createOwnCertificate(directory, options)
    .catch((error: unknown) => takeOfOther(error, directory, options))
    .finally(() => underway.delete(id));
  underway.set(id, creation);
  return creation;
}

/** Another process that shares the directory may have been faster: its pair is as good. It writes the key before the certificate. */
async function takeOfOther(error: unknown, directory: string, options: OwnCertificateOptions): Promise<void> {
  if (!(error instanceof ApplicationCertificateError) || error.code !== "AlreadyExists") throw error;
  const { certificateFile, privateKeyFile } = ownCertificateFiles(directory, options.applicationUri);
  const keyAgeMs = Math.abs(Date.now() - statSync(privateKeyFile).mtimeMs);
  if (keyAgeMs > givenUpAfterMs && !existsSync(certificateFile))
    return await completeOwnCertificate(directory, options);
  for (const endMs = performance.now() + longestCreationMs; !existsSync(certificateFile); await delay(20)) {
    if (performance.now() > endMs) throw error;
  }
}

/**
 * Reads both files and makes sure that they belong together, and that nobody else can read the key. node:crypto's own words for a
 * wrong passphrase are kept out: what it had to work with stays secret.
 */
export function readKeyPair(
  server: OpcUaServer,
  certificateFile: string,
  privateKeyFile: string,
  passphrase?: string,
): KeyPair {
  const cannot = `cannot use certificate ${certificateFile} with key ${privateKeyFile}`;
  let leaf: X509Certificate;
  let certificateChain: Buffer[];
  let pem: string;
  try {
    certificateChain = readCertificateFile(certificateFile);
    leaf = new X509Certificate(certificateChain[0] ?? Buffer.alloc(0));
    pem = readPrivateKeyFile(privateKeyFile);
  } catch (cause) {
    throw refused(server, `${cannot}: ${(cause as Error).message}`, cause);
  }
  const privateKey = decryptedKey(server, cannot, pem, passphrase);
  if (!leaf.checkPrivateKey(privateKey)) {
    throw refused(server, `cannot use certificate ${certificateFile} because ${privateKeyFile} is not its private key`);
  }
  if (privateKey.asymmetricKeyType !== "rsa") {
    const type = privateKey.asymmetricKeyType;
    throw refused(server, `${cannot} because the key is of type ${type}; OPC UA's RSA policies need RSA`);
  }
  return {
    certificateFile: resolve(certificateFile),
    certificateChain,
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    endsMs: leaf.validToDate.getTime(),
  };
}

function decryptedKey(server: OpcUaServer, cannot: string, pem: string, passphrase: string | undefined): KeyObject {
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem);
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch {
    const reason = !isEncrypted
      ? "the key is not a private key in PEM form"
      : passphrase === undefined
        ? "the key is encrypted; a passphrase element is needed"
        : "the key cannot be decrypted with the passphrase";
    throw refused(server, `${cannot} because ${reason}`);
  }
}

function refused(server: OpcUaServer, message: string, cause?: unknown): ServerError {
  return new ServerError("SecurityRefused", server.alias, message, cause === undefined ? undefined : { cause });
}
