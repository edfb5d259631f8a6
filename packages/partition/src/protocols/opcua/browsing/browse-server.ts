// One look into a server that is not configured yet: with the strongest security that it offers, under the same checks as a connection of
// the partition.

import type { Log } from "@cpc-partition/process/log";
import type { OpcUaIdentity, OpcUaServer } from "../configuration/opc-ua-server.ts";
import { ServerError } from "../../../sources/server-error.ts";
import { offeredSecurity, type OfferedSecurity } from "../endpoint-discovery.ts";
import { OpcUaSource } from "../opcua-source.ts";
import { browseAddressSpace } from "./address-space.ts";
import type { AddressSpace } from "./browsed-node.ts";

export interface BrowseOrder {
  readonly url: string;
  /** Undefined: the strongest that the server offers. */
  readonly security: OfferedSecurity | undefined;
  /** The one certificate that is accepted; undefined: those of the trust list. */
  readonly serverCertificateFile: string | undefined;
  readonly identity: OpcUaIdentity;
  readonly applicationUri: string;
  readonly certificatesDirectory: string;
  readonly timeoutMs: number;
  /** A node id, "i=85" for the Objects folder. */
  readonly from: string;
  readonly mostNodes: number;
}

export interface Browsed {
  readonly space: AddressSpace;
  readonly security: OfferedSecurity;
}

/** `progress` is called with numbers of nodes and what is done with them. Rejects with a ServerError. */
export async function browseServer(
  order: BrowseOrder,
  log: Log,
  signal: AbortSignal,
  progress: (nodes: number, step: string) => void,
): Promise<Browsed> {
  const { url, timeoutMs, identity, applicationUri, certificatesDirectory: directory } = order;
  const limit = { server: url, timeoutMs, signal };
  const [strongest] =
    order.security === undefined ? await offeredSecurity({ alias: url, endpointUrl: url }, limit) : [];
  const security = order.security ?? strongest;
  if (security === undefined) {
    const because = "the server lists no endpoint that can be used; take the URL that the server itself shows";
    throw new ServerError("ConnectionFailed", url, `cannot connect to ${url} because ${because}`);
  }
  const server: OpcUaServer = {
    alias: url,
    endpointUrl: url,
    applicationUri,
    ...security,
    serverCertificateFile: order.serverCertificateFile,
    clientCertificateFile: undefined,
    clientPrivateKeyFile: undefined,
    identity,
    intervalMs: undefined,
    timeoutMs,
    retryIntervalMs: timeoutMs,
    nodes: [],
    location: { file: "", line: 0 },
  };
  const session = await new OpcUaSource(server, { directory, log }).connect(signal);
  try {
    const space = await browseAddressSpace(session.secured, order.from, order.mostNodes, signal, progress);
    return { space, security };
  } finally {
    await session.close();
  }
}
