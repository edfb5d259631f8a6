// Configurations for a simulated plant, made by hand: every identifier type, every kind of value, two servers on one address.

import type {
  ModbusConfiguration,
  ModbusPoint,
  ModbusServer,
  OpcUaConfiguration,
  OpcUaNode,
  OpcUaServer,
} from "../../packages/partition/src/configuration/configuration.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";

const location = { file: "test.xml", line: 1 };

export function opcUaNode(displayName: string, changes: Partial<OpcUaNode> = {}): OpcUaNode {
  return {
    displayName,
    namespace: { index: 2 },
    identifier: { type: "String", value: displayName },
    type: BuiltInType.Double,
    description: `Beschreibung ${displayName}`,
    unit: "",
    capacityBytes: 0,
    location,
    ...changes,
  };
}

export function opcUaServer(alias: string, changes: Partial<OpcUaServer> = {}): OpcUaServer {
  return {
    alias,
    endpointUrl: "opc.tcp://sps.example.com:4840/Anlage/Server",
    applicationUri: "urn:cpc-partition:test-client",
    policy: "Basic256Sha256",
    mode: "SignAndEncrypt",
    serverCertificateFile: undefined,
    clientCertificateFile: undefined,
    clientPrivateKeyFile: undefined,
    identity: { kind: "Anonymous" },
    intervalMs: undefined,
    timeoutMs: 5000,
    retryIntervalMs: 1000,
    nodes: [],
    location,
    ...changes,
  };
}

export function opcUaConfiguration(...servers: OpcUaServer[]): OpcUaConfiguration {
  return { file: "opcua.xml", servers };
}

export function modbusPoint(name: string, changes: Partial<ModbusPoint> = {}): ModbusPoint {
  return {
    key: `Anlage: ${name}`,
    description: name,
    unit: "",
    functionCode: 3,
    unitId: 1,
    address: 0,
    width: 1,
    wireType: BuiltInType.UInt16,
    type: BuiltInType.UInt16,
    bit: -1,
    wordOrder: "ABCD",
    scale: "1",
    bias: "0",
    location,
    ...changes,
  };
}

export function modbusServer(alias: string, changes: Partial<ModbusServer> = {}): ModbusServer {
  return {
    alias,
    host: "10.0.0.7",
    port: 502,
    intervalMs: undefined,
    timeoutMs: 1000,
    retryIntervalMs: 30_000,
    maxRegistersPerRequest: 125,
    maxGap: 0,
    pauseBetweenRequestsMs: 0,
    pauseAfterConnectMs: 0,
    connectsPerRequest: false,
    points: [],
    location,
    ...changes,
  };
}

export function modbusConfiguration(...servers: ModbusServer[]): ModbusConfiguration {
  return { file: "modbus.xml", servers };
}
