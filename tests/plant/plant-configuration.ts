// Configurations for a simulated plant, made by hand: the servers are where nobody can reach them.

import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type {
  ModbusConfiguration,
  ModbusPoint,
  ModbusServer,
} from "../../packages/partition/src/protocols/modbus/configuration/modbus-server.ts";
import type {
  OpcUaConfiguration,
  OpcUaNode,
  OpcUaServer,
} from "../../packages/partition/src/protocols/opcua/configuration/opc-ua-server.ts";
import { point, server } from "./modbus-points.ts";
import { configuredServer, nodeNamed } from "./opcua-points.ts";

export function opcUaNode(displayName: string, changes: Partial<OpcUaNode> = {}): OpcUaNode {
  const description = `Beschreibung ${displayName}`;
  const namespace = { index: 2 };
  return nodeNamed(displayName, { displayName, namespace, type: BuiltInType.Double, description, ...changes });
}

export function opcUaServer(alias: string, changes: Partial<OpcUaServer> = {}): OpcUaServer {
  return configuredServer("opc.tcp://sps.example.com:4840/Anlage/Server", {
    alias,
    policy: "Basic256Sha256",
    mode: "SignAndEncrypt",
    retryIntervalMs: 1000,
    ...changes,
  });
}

export function opcUaConfiguration(...servers: OpcUaServer[]): OpcUaConfiguration {
  return { servers };
}

export function modbusPoint(name: string, changes: Partial<ModbusPoint> = {}): ModbusPoint {
  return point(0, { key: `Anlage: ${name}`, description: name, ...changes });
}

export function modbusServer(alias: string, changes: Partial<ModbusServer> = {}): ModbusServer {
  return server(502, [], { alias, host: "10.0.0.7", timeoutMs: 1000, ...changes });
}

export function modbusConfiguration(...servers: ModbusServer[]): ModbusConfiguration {
  return { servers };
}
