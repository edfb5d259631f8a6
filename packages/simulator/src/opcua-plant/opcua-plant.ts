// An OPC UA server that has exactly the nodes which a configuration reads, with moving values, behind real security.
// This folder is the only place that knows node-opcua's server side.
//
// Promises: the policy, the mode and the user identities of the configuration and no others; a client's certificate is believed
// only when it is one of those handed in, byte for byte; an insecure channel, unless configured, serves discovery alone.
// Does not: keep a certificate store on disk, register anywhere, or load more than the standard nodeset (from its precompiled
// image: a third of a second instead of seconds).

import { hostname } from "node:os";

import { MessageSecurityMode, SecurityPolicy } from "node-opcua-client";
import { OPCUAServer } from "node-opcua-server";

import { hostInUrl } from "cpc-partition/certificates/host-name";
import type {
  OpcUaIdentity,
  OpcUaNode,
  SecurityModeName,
  SecurityPolicyName,
} from "cpc-partition/protocols/opcua/configuration/opc-ua-server";
import { ExplicitTrust } from "./explicit-trust.ts";
import { addNodes } from "./moving-nodes.ts";

export interface OpcUaPlantOptions {
  /** Address to listen on. */
  readonly host: string;
  /** By which clients reach it: it stands in the endpoint URL. */
  readonly hostName: string;
  /** 0: any free port. */
  readonly port: number;
  /** `/path` of the endpoint URL, "" for none. */
  readonly resourcePath: string;
  readonly applicationUri: string;
  readonly certificateFile: string;
  readonly privateKeyFile: string;
  readonly policies: readonly SecurityPolicyName[];
  readonly modes: readonly SecurityModeName[];
  readonly identities: readonly OpcUaIdentity[];
  /** The client applications that may open a secure channel. */
  readonly trustedClientCertificateFiles: readonly string[];
  readonly nodes: readonly OpcUaNode[];
  /** An existing folder that node-opcua may write to. */
  readonly directory: string;
}

export interface OpcUaPlant {
  readonly port: number;
  readonly endpointUrl: string;
  stop(): Promise<void>;
}

export async function startOpcUaPlant(options: OpcUaPlantOptions): Promise<OpcUaPlant> {
  const userCertificateFiles = options.identities.flatMap((identity) =>
    identity.kind === "Certificate" ? [identity.certificateFile] : [],
  );
  const server = new OPCUAServer({
    host: options.host,
    hostname: options.hostName,
    port: options.port,
    resourcePath: options.resourcePath,
    certificateFile: options.certificateFile,
    privateKeyFile: options.privateKeyFile,
    serverCertificateManager: new ExplicitTrust(options.directory, options.trustedClientCertificateFiles),
    userCertificateManager: new ExplicitTrust(options.directory, userCertificateFiles),
    securityPolicies: options.policies.map((name) => SecurityPolicy[name]),
    securityModes: options.modes.map((name) => MessageSecurityMode[name]),
    allowAnonymous: options.identities.some(({ kind }) => kind === "Anonymous"),
    userManager: {
      isValidUser: (userName: string, password: string) =>
        options.identities.some(
          (known) => known.kind === "UserName" && known.userName === userName && known.password === password,
        ),
    },
    serverInfo: { applicationUri: options.applicationUri, productUri: "urn:cpc-partition:simulated-plant" },
    buildInfo: { productName: "cpc-partition simulated plant" },
    nodesetLoaderOptions: { trustSiblingImages: true },
    isAuditing: false,
  });
  await server.initialize();
  addNodes(server, options.nodes);
  await server.start();
  const port = server.endpoints[0]?.port ?? options.port;
  return {
    port,
    endpointUrl: `opc.tcp://${hostInUrl(options.hostName)}:${port}${options.resourcePath}`,
    stop: () => server.shutdown(0),
  };
}

/** Host names that the server's certificate must hold, or node-opcua warns of a certificate that does not suit the machine. */
export function certificateHostNames(host: string): string[] {
  return [...new Set([host, "localhost", hostname()])];
}
