// With what a secure session is opened, and what follows from it.

import { OPCUAClient } from "node-opcua-client";
import { fingerprint } from "../../certificates/certificate-file.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import {
  keyPairProvider,
  noKeyPair,
  refuseEveryCertificate,
  withoutKeyPair,
  type ApplicationIdentity,
} from "./application-identity.ts";
import { settingsOfSession } from "./channel/message-limits.ts";
import type { Connections } from "./channel/transport.ts";
import { libraryTransportTimeoutMs, messageMode, policyUri } from "./endpoint-discovery.ts";
import type { Remedy } from "./failure.ts";
import { remedyFor } from "./refusal-remedy.ts";
import type { UserCertificate } from "./user-identity.ts";

export interface SessionOptions {
  readonly server: OpcUaServer;
  /** Undefined with mode None. */
  readonly application: ApplicationIdentity | undefined;
  readonly userCertificate: UserCertificate | undefined;
  /** The checked one, DER, leaf; undefined with mode None. */
  readonly serverCertificate: Buffer | undefined;
  /** Of the endpoint description that was read without security, and that the certificate was compared with, if there was one. */
  readonly applicationUri: string | undefined;
}

/** The library's client, without anything that it would do by itself. */
export function clientOf(
  { server, application, serverCertificate }: SessionOptions,
  connections: Connections,
): OPCUAClient {
  const client = OPCUAClient.create({
    applicationName: "cpc-partition",
    applicationUri: server.applicationUri,
    clientName: "cpc-partition",
    securityPolicy: policyUri(server),
    securityMode: messageMode(server),
    ...(serverCertificate === undefined ? {} : { serverCertificate }),
    certificateKeyPairProvider: application === undefined ? noKeyPair : keyPairProvider(application),
    clientCertificateManager: refuseEveryCertificate(),
    connectionStrategy: { maxRetry: 0 },
    keepSessionAlive: false,
    // Several names and addresses lead to one server; policy and mode are compared, the URL is not.
    endpointMustExist: false,
    requestedSessionTimeout: sessionTimeoutMs(server),
    transportTimeout: libraryTransportTimeoutMs,
    transportSettings: settingsOfSession,
    transportFactory: connections,
    defaultTransactionTimeout: server.timeoutMs + 1000,
  });
  if (application === undefined) Object.assign(client, withoutKeyPair);
  return client;
}

/**
 * The server keeps a session that long without a request: several polls, so that a late one does not end it. Not longer, since a
 * connection that breaks leaves its session behind, and some servers have room for ten.
 */
export function sessionTimeoutMs({ nodes, intervalMs, timeoutMs }: OpcUaServer): number {
  const fastestMs = nodes.reduce((least, node) => Math.min(least, node.intervalMs ?? intervalMs ?? Infinity), Infinity);
  return fastestMs === Infinity ? 60_000 : Math.max(10_000, 4 * fastestMs + timeoutMs);
}

export function remedyOf({ server, application, applicationUri }: SessionOptions): Remedy {
  const leaf = application?.certificateChain[0];
  const ownCertificate =
    application === undefined || leaf === undefined
      ? undefined
      : { file: application.certificateFile, fingerprint: fingerprint(leaf) };
  const couldNotCompare = server.mode !== "None" && applicationUri === undefined;
  return (code) => {
    const remedy = remedyFor(code, { server, ownCertificate });
    const parts = [remedy, couldNotCompare ? "is <server_certificate> still the server's?" : undefined];
    const known = parts.filter((part) => part !== undefined);
    return known.length === 0 ? undefined : known.join("; ");
  };
}
