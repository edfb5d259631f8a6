// What can be known of certificates and their directory before anybody connects: whether our own can be used, and whether the one that the
// configuration names will be accepted. `check` refuses what cannot work; `run` says it and starts, for one server never stops the others.

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CertificateError, fingerprint, readCertificateFile } from "../certificates/certificate-file.ts";
import { hostOf } from "../certificates/host-name.ts";
import { ownCertificateFiles } from "../certificates/own-certificate-files.ts";
import { ParsedCertificate } from "../certificates/parsed-certificate.ts";
import { checkServerCertificate, noRelaxations } from "../certificates/server-certificate-check.ts";
import { TrustList } from "../certificates/trust-list.ts";
import { waysOut } from "../certificates/ways-out.ts";
import type { OpcUaConfiguration, OpcUaServer } from "../configuration/configuration.ts";
import type { Problem } from "../configuration/problem.ts";
import { readKeyPair } from "../protocols/opcua/own-certificate.ts";
import { ServerError } from "../sources/server-error.ts";
import { daysLeftText } from "./certificate-text.ts";

/** One for each server and thing that will not work. */
export function certificateProblems(configuration: OpcUaConfiguration, directory: string, nowMs: number): Problem[] {
  return configuration.servers.flatMap((server) => {
    const { file, line } = server.location;
    const own = ownProblems(server, directory, nowMs);
    return [...own, ...userProblems(server), ...pinProblems(server, directory, nowMs)].map((problem) => ({
      file,
      line,
      message: `server ${server.alias}: ${problem}`,
    }));
  });
}

/** Why the certificates directory cannot serve these servers, or undefined. Without security none is needed. */
export function directoryTrouble({ servers }: OpcUaConfiguration, directory: string): string | undefined {
  const secured = servers.filter(({ mode }) => mode !== "None");
  if (secured.length === 0) return undefined;
  const hasToMake = secured.some((server) => ownFiles(server, directory) === undefined);
  let present = resolve(directory);
  while (!existsSync(present) && dirname(present) !== present) present = dirname(present);
  try {
    if (!statSync(present).isDirectory()) throw new CertificateError(`${present} is not a directory`);
    const { R_OK, W_OK, X_OK } = constants;
    accessSync(present, hasToMake || present !== resolve(directory) ? W_OK | X_OK : R_OK | X_OK);
    return undefined;
  } catch (error) {
    return (
      `cannot use the certificates directory ${resolve(directory)} because ${(error as Error).message}; ` +
      "choose one that this user can write to with --certificates or CPC_CERTIFICATES"
    );
  }
}

interface OwnFiles {
  readonly certificateFile: string;
  readonly privateKeyFile: string;
}

/** Undefined: there is none yet, and one is made at the first connect. */
function ownFiles(server: OpcUaServer, directory: string): OwnFiles | undefined {
  const { clientCertificateFile: certificateFile, clientPrivateKeyFile: privateKeyFile } = server;
  if (certificateFile !== undefined && privateKeyFile !== undefined) return { certificateFile, privateKeyFile };
  const files = ownCertificateFiles(directory, server.applicationUri);
  return existsSync(files.certificateFile) ? files : undefined;
}

function ownProblems(server: OpcUaServer, directory: string, nowMs: number): string[] {
  if (server.mode === "None") return [];
  const files = ownFiles(server, directory);
  if (files === undefined) {
    const isUri = /^[A-Za-z][A-Za-z0-9+.-]*:[!-~]+$/.test(server.applicationUri);
    return isUri
      ? []
      : [
          `no certificate can be made for "${server.applicationUri}"; <client_app_uri> must be a URI like urn:host:name`,
        ];
  }
  const { certificateFile } = files;
  return problemsOf(() => {
    const pair = readKeyPair(server, certificateFile, files.privateKeyFile, server.privateKeyPassphrase);
    const { content } = new ParsedCertificate(pair.certificateChain[0] ?? Buffer.alloc(0));
    const uris = content.uris.join(", ") || "none";
    return [
      ...(pair.endsMs < nowMs
        ? [`our certificate ${certificateFile} is ${daysLeftText(pair.endsMs, nowMs)}; renew it`]
        : []),
      ...(content.uris.includes(server.applicationUri)
        ? []
        : [
            `our certificate ${certificateFile} has the URI ${uris}; <client_app_uri> must be the same, but is ${server.applicationUri}`,
          ]),
    ];
  });
}

function userProblems(server: OpcUaServer): string[] {
  const { identity } = server;
  if (identity.kind !== "Certificate") return [];
  const { certificateFile, privateKeyFile, privateKeyPassphrase } = identity;
  return problemsOf(() => {
    readKeyPair(server, certificateFile, privateKeyFile, privateKeyPassphrase);
    return [];
  });
}

/** As far as it is known before the server says its application URI. */
function pinProblems(server: OpcUaServer, directory: string, nowMs: number): string[] {
  const { serverCertificateFile: pinnedFile, endpointUrl, relaxations = noRelaxations } = server;
  if (pinnedFile === undefined) return [];
  return problemsOf(() => {
    const chain = readCertificateFile(pinnedFile);
    const [pinned = Buffer.alloc(0)] = chain;
    const names = { hostName: hostOf(endpointUrl), applicationUri: "" };
    const material = new TrustList(directory).material();
    const { failed } = checkServerCertificate(chain, { ...material, ...names, pinned, nowMs, relaxations });
    if (failed.length === 0) return [];
    const ways = waysOut(failed, { directory: resolve(directory), fingerprint: fingerprint(pinned), pinnedFile });
    return [
      `<server_certificate> would be refused: ${failed.map(({ reason }) => reason).join("; ")}. ${ways.join(". ")}`,
    ];
  });
}

function problemsOf(work: () => string[]): string[] {
  try {
    return work();
  } catch (error) {
    if (error instanceof ServerError || error instanceof CertificateError) return [error.message];
    throw error;
  }
}
