// OPC UA configurations made by hand.

import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type {
  OpcUaNode,
  OpcUaServer,
} from "../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";

const location = { file: "test.xml", line: 1 };

export function nodeNamed(name: string, change: Partial<OpcUaNode> = {}): OpcUaNode {
  return {
    displayName: `Display ${name}`,
    namespace: { index: 1 },
    identifier: { type: "String", value: name },
    type: BuiltInType.Null,
    description: `about ${name}`,
    unit: "",
    capacityBytes: 0,
    location,
    ...change,
  };
}

export function configuredServer(url: string, change: Partial<OpcUaServer> = {}): OpcUaServer {
  return {
    alias: "Server",
    endpointUrl: url,
    applicationUri: "urn:cpc-partition:test:client",
    policy: "None",
    mode: "None",
    serverCertificateFile: undefined,
    clientCertificateFile: undefined,
    clientPrivateKeyFile: undefined,
    identity: { kind: "Anonymous" },
    intervalMs: undefined,
    timeoutMs: 5000,
    retryIntervalMs: 30_000,
    nodes: [],
    location,
    ...change,
  };
}
