// What a server offers: its endpoint of exactly the configured policy and mode, with the certificate that goes with it.
//
// GetEndpoints needs no security (OPC 10000-4, 5.5.4) and this answer proves nothing by itself: it says which certificate to
// check before a secure channel is opened with it. Policy and mode are never replaced by what the server would rather have.

import {
  ClientSecureChannelLayer,
  GetEndpointsRequest,
  GetEndpointsResponse,
  MessageSecurityMode,
  SecurityPolicy,
} from "node-opcua-client";
import type { EndpointDescription } from "node-opcua-client";
import { shortened } from "@cpc-partition/process/shortened";
import { splitShownChain } from "../../certificates/shown-chain.ts";
import type { OpcUaServer, SecurityModeName, SecurityPolicyName } from "./configuration/opc-ua-server.ts";
import { ServerError } from "../../sources/server-error.ts";
import { answerOf, boundedWait } from "./bounded-wait.ts";
import type { WaitLimit } from "./bounded-wait.ts";
import { ChannelRecord } from "./channel/channel-record.ts";
import { asServerError } from "./failure.ts";
import { Connections } from "./channel/transport.ts";
import { settingsOfDiscovery } from "./channel/message-limits.ts";
import { allowOnlyReading } from "./channel/reading-services.ts";
import { discoveryRemedyFor } from "./refusal-remedy.ts";

/** Longer than any timer of ours: node-opcua breaks a connection that is idle for half of it. */
export const libraryTransportTimeoutMs = 2_000_000_000;

/** No list of endpoints was to be had. */
export class DiscoveryError extends ServerError {
  /** The other side is an OPC UA server; it refuses, or does not answer, clients without security. */
  readonly isAcknowledged: boolean;

  constructor({ code, server, message, cause }: ServerError, isAcknowledged: boolean) {
    super(code, server, message, { cause });
    this.isAcknowledged = isAcknowledged;
  }
}

type ServerAddress = Pick<OpcUaServer, "alias" | "endpointUrl">;

export interface DiscoveredEndpoint {
  readonly endpoint: EndpointDescription;
  /** Leaf first; empty where the server shows none, which only the mode None allows. */
  readonly serverCertificateChain: readonly Buffer[];
}

export function policyUri(server: Pick<OpcUaServer, "policy">): SecurityPolicy {
  return SecurityPolicy[server.policy];
}

export function messageMode(server: Pick<OpcUaServer, "mode">): MessageSecurityMode {
  return MessageSecurityMode[server.mode];
}

/** Endpoints over UA TCP (OPC 10000-6, 7.2) with exactly the configured policy and mode: what holds for HTTPS says nothing of them. */
export function matchingEndpoints(
  server: Pick<OpcUaServer, "policy" | "mode">,
  endpoints: readonly EndpointDescription[],
): EndpointDescription[] {
  const uri: string = policyUri(server);
  const mode = messageMode(server);
  return endpoints.filter(
    ({ securityPolicyUri, securityMode, endpointUrl }) =>
      securityPolicyUri === uri && securityMode === mode && !/^(?:opc\.)?(?:https|wss):/i.test(endpointUrl ?? ""),
  );
}

export async function discoverEndpoint(server: OpcUaServer, limit: WaitLimit): Promise<DiscoveredEndpoint> {
  const endpoints = await fetchEndpoints(server, limit);
  const endpoint = matchingEndpoints(server, endpoints)[0];
  const wanted = `security policy ${server.policy} with mode ${server.mode}`;
  if (endpoints.length === 0) {
    throw new ServerError(
      "ConnectionFailed",
      server.alias,
      `cannot connect to ${server.endpointUrl} because the server lists no endpoint for this URL; put the endpoint URL that the ` +
        "server itself shows (host name, port and path) into <server_app_uri>",
    );
  }
  if (endpoint === undefined) {
    throw new ServerError(
      "SecurityRefused",
      server.alias,
      `cannot connect to ${server.endpointUrl} because it does not offer ${wanted}; it offers ${offered(endpoints)}; ` +
        "choose one of these for <policy> and <mode>, or enable the wanted one at the server",
    );
  }
  const chain = certificateChain(server, endpoint);
  if (chain.length === 0 && (server.mode !== "None" || server.identity.kind === "UserName")) {
    throw new ServerError(
      "SecurityRefused",
      server.alias,
      `cannot connect to ${server.endpointUrl} because its endpoint for ${wanted} shows no certificate${server.mode === "None" ? ", with which a password could be encrypted" : ""}`,
    );
  }
  return { endpoint, serverCertificateChain: chain };
}

export interface OfferedCertificate {
  /** Leaf first. */
  readonly chain: readonly Buffer[];
  readonly applicationUri: string;
}

/** The certificates that a server shows in its endpoints, each once. Nothing is checked. Rejects with a ServerError. */
export async function fetchCertificates(
  address: ServerAddress,
  limit: WaitLimit,
): Promise<readonly OfferedCertificate[]> {
  const found = new Map<string, OfferedCertificate>();
  for (const endpoint of await fetchEndpoints(address, limit)) {
    const chain = certificateChain(address, endpoint);
    const applicationUri = endpoint.server.applicationUri ?? "";
    const id = Buffer.concat(chain).toString("base64") + applicationUri;
    if (chain.length > 0) found.set(id, { chain, applicationUri });
  }
  return [...found.values()];
}

export interface OfferedSecurity {
  /** As in the configuration. */
  readonly policy: SecurityPolicyName;
  readonly mode: SecurityModeName;
}

/** Policies from strong to weak. */
const policiesByStrength: readonly SecurityPolicyName[] = [
  "Aes256_Sha256_RsaPss",
  "Aes128_Sha256_RsaOaep",
  "Basic256Sha256",
  "Basic256",
  "Basic128Rsa15",
  "None",
];
const modesByStrength: readonly SecurityModeName[] = ["SignAndEncrypt", "Sign", "None"];

/** What a server offers over UA TCP and we can use, the strongest first. Nothing is checked. Rejects with a ServerError. */
export async function offeredSecurity(address: ServerAddress, limit: WaitLimit): Promise<readonly OfferedSecurity[]> {
  const endpoints = await fetchEndpoints(address, limit);
  return policiesByStrength.flatMap((policy) =>
    modesByStrength
      .filter((mode) => matchingEndpoints({ policy, mode }, endpoints).length > 0)
      .map((mode) => ({ policy, mode })),
  );
}

function certificateChain(server: ServerAddress, endpoint: EndpointDescription): Buffer[] {
  try {
    return splitShownChain(endpoint.serverCertificate ?? Buffer.alloc(0));
  } catch (cause) {
    throw new ServerError(
      "SecurityRefused",
      server.alias,
      `cannot connect to ${server.endpointUrl} because its certificate is unreadable: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function fetchEndpoints(server: ServerAddress, limit: WaitLimit): Promise<readonly EndpointDescription[]> {
  const connections = new Connections();
  const channel = new ClientSecureChannelLayer({
    transportFactory: connections,
    connectionStrategy: { maxRetry: 0 },
    securityMode: MessageSecurityMode.None,
    securityPolicy: SecurityPolicy.None,
    transportTimeout: libraryTransportTimeoutMs,
    transportSettings: settingsOfDiscovery,
    defaultTransactionTimeout: limit.timeoutMs + 1000,
  });
  allowOnlyReading(channel);
  const record = new ChannelRecord(channel);
  const what = `connect to ${server.endpointUrl}`;
  try {
    await boundedWait(
      answerOf<void>((done) => channel.create(server.endpointUrl, done)),
      what,
      limit,
    );
    const request = new GetEndpointsRequest({ endpointUrl: server.endpointUrl });
    const response = await boundedWait(
      answerOf((done) => channel.performMessageTransaction(request, done)),
      `read the endpoints of ${server.endpointUrl}`,
      limit,
    );
    if (!(response instanceof GetEndpointsResponse)) {
      throw new ServerError(
        "ProtocolViolation",
        server.alias,
        `cannot read the endpoints of ${server.endpointUrl} because it answers something else`,
      );
    }
    await boundedWait(
      answerOf<void>((done) => channel.close(done)),
      what,
      limit,
    );
    return response.endpoints ?? [];
  } catch (error) {
    const failure = asServerError(error, server.alias, what, record, discoveryRemedyFor);
    const { code, message } = failure;
    if (code === "Stopped") throw failure;
    if (code !== "Timeout" || record.isAcknowledged) throw new DiscoveryError(failure, record.isAcknowledged);
    throw new ServerError(code, server.alias, `${message}; ${silenceWords(connections.bytesWritten)}`);
  } finally {
    connections.end();
    channel.dispose();
    channel.removeAllListeners();
  }
}

/** The Hello leaves as soon as there is a connection. */
function silenceWords(bytesWritten: number): string {
  return bytesWritten > 0
    ? "it accepts the connection and does not answer as an OPC UA server does: check the port in <server_app_uri> (4840 as a rule; 502 is Modbus TCP)"
    : "there was no connection: check the address in <server_app_uri>, the machine, and firewalls on the way";
}

/** The names are the server's own words: what to do has to fit behind them. */
const longestOffer = 300;

function offered(endpoints: readonly EndpointDescription[]): string {
  const names = endpoints.map(
    ({ securityPolicyUri, securityMode }) =>
      `${securityPolicyUri?.split("#").at(-1) ?? "?"}/${MessageSecurityMode[securityMode]}`,
  );
  return names.length === 0 ? "nothing" : shortened([...new Set(names)].join(", "), longestOffer);
}
