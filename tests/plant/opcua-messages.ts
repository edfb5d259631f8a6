// Whole messages of an OPC UA server, with their type in front and without chunks around them.

import {
  ApplicationType,
  EndpointDescription,
  MessageSecurityMode,
  SecurityPolicy,
  UserTokenType,
} from "node-opcua-client";
import type { ServiceFault } from "node-opcua-client";
import { chunksOf, headerBytes } from "../partition/protocols/opcua/channel/response-chunks.ts";

export function messageOf(response: ServiceFault): Buffer {
  return Buffer.concat(chunksOf(response, 65_536).map((chunk) => chunk.subarray(headerBytes)));
}

/** One without security and one with, with this chain of certificates, DER. */
export function endpointsOf(serverCertificate: Buffer): EndpointDescription[] {
  const modes = [
    [SecurityPolicy.None, MessageSecurityMode.None],
    [SecurityPolicy.Basic256Sha256, MessageSecurityMode.SignAndEncrypt],
  ] as const;
  return modes.map(
    ([securityPolicyUri, securityMode]) =>
      new EndpointDescription({
        endpointUrl: "opc.tcp://127.0.0.1:4840",
        server: {
          applicationUri: "urn:cpc-partition:test:server",
          applicationType: ApplicationType.Server,
          discoveryUrls: ["opc.tcp://127.0.0.1"],
        },
        serverCertificate,
        securityMode,
        securityPolicyUri,
        userIdentityTokens: [{ policyId: "anonymous", tokenType: UserTokenType.Anonymous }],
        transportProfileUri: "http://opcfoundation.org/UA-Profile/Transport/uatcp-uasc-uabinary",
      }),
  );
}
