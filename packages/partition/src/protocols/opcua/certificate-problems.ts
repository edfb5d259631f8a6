// What can be known of certificates and their directory before anybody connects: whether our own can be used, and whether the one that the
// configuration names will be accepted. `check` refuses what cannot work; `run` says it and starts, for one server never stops the others.

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CertificateError, fingerprint, readCertificateFile } from "../../certificates/certificate-file.ts";
import { hostOf } from "../../certificates/host-name.ts";
import { ownCertificateFiles } from "../../certificates/own-certificate-files.ts";
import { ParsedCertificate } from "../../certificates/parsed-certificate.ts";
import { checkServerCertificate, noRelaxations } from "../../certificates/server-certificate-check.ts";
import { writingTrouble } from "@cpc-partition/process/file-trouble";
import { TrustList } from "../../certificates/trust-list.ts";
import { waysOut } from "../../certificates/ways-out.ts";
import type { OpcUaConfiguration, OpcUaServer } from "./configuration/opc-ua-server.ts";
import { unopenedSecret } from "../../configuration/secret.ts";
import type { Problem } from "../../configuration/problem.ts";
import { dateProblems } from "../../certificates/validity-problems.ts";
import { problemsOf } from "../certificate-troubles.ts";
import { readKeyPair } from "./own-certificate.ts";

/** One for each server and thing that will not work. */
export function certificateProblems(configuration: OpcUaConfiguration, directory: string, nowMs: number): Problem[] {
  return configuration.servers.flatMap((server) => {
    const { file, line } = server.location;
    const own = ownProblems(server, directory, nowMs);
    return [...own, ...userProblems(server, nowMs), ...pinProblems(server, directory, nowMs)].map((problem) => ({
      file,
      line,
      message: `server ${server.alias}: ${problem}`,
    }));
  });
}

/** Why the certificates directory cannot serve these servers, or undefined. Without security none is needed. */
export function directoryTrouble({ servers }: OpcUaConfiguration, directory: string): string | undefined {
  if (!servers.some(needsDirectory)) return undefined;
  const { R_OK, W_OK, X_OK } = constants;
  try {
    const present = nearestDirectory(directory);
    accessSync(present, present === resolve(directory) ? R_OK | X_OK : W_OK | X_OK);
    for (const server of servers) {
      if (server.mode === "None" || ownFiles(server, directory) !== undefined) continue;
      const { certificateFile, privateKeyFile } = ownCertificateFiles(directory, server.applicationUri);
      for (const toMake of [certificateFile, privateKeyFile])
        accessSync(nearestDirectory(dirname(toMake)), W_OK | X_OK);
    }
    return undefined;
  } catch (error) {
    return (
      `cannot use the certificates directory ${resolve(directory)} because ${writingTrouble(error)}; ` +
      "or choose another with --certificates or CPC_CERTIFICATES"
    );
  }
}

/** Whether what is trusted counts, or what is refused is kept: with security, and where a password is encrypted for the server. */
export function needsDirectory({ mode, identity }: OpcUaServer): boolean {
  return mode !== "None" || identity.kind === "UserName";
}

/** The deepest that exists of a path; throws when it is not a directory. */
function nearestDirectory(path: string): string {
  let present = resolve(path);
  while (!existsSync(present) && dirname(present) !== present) present = dirname(present);
  if (!statSync(present).isDirectory()) throw new CertificateError(`${present} is not a directory`);
  return present;
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
  if (server.privateKeyPassphrase === unopenedSecret) return [];
  const { certificateFile } = files;
  return problemsOf(() => {
    const pair = readKeyPair(server, certificateFile, files.privateKeyFile, server.privateKeyPassphrase);
    const { content } = new ParsedCertificate(pair.certificateChain[0] ?? Buffer.alloc(0));
    const uris = content.uris.join(", ") || "none";
    return [
      ...dateProblems(`our certificate ${certificateFile}`, content, nowMs),
      ...(content.uris.includes(server.applicationUri)
        ? []
        : [
            `our certificate ${certificateFile} has the URI ${uris}; <client_app_uri> must be the same, but is ${server.applicationUri}`,
          ]),
    ];
  });
}

function userProblems(server: OpcUaServer, nowMs: number): string[] {
  const { identity } = server;
  if (identity.kind !== "Certificate") return [];
  const { certificateFile, privateKeyFile, privateKeyPassphrase } = identity;
  if (privateKeyPassphrase === unopenedSecret) return [];
  return problemsOf(() => {
    const pair = readKeyPair(server, certificateFile, privateKeyFile, privateKeyPassphrase);
    const { content } = new ParsedCertificate(pair.certificateChain[0] ?? Buffer.alloc(0));
    return dateProblems(`the user certificate ${certificateFile}`, content, nowMs);
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
