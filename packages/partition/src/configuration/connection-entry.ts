// The entries of the document that tell whether a server is connected. Consumers know these keys: they never change.

import type { ConnectionEntry } from "@cpc-partition/image/point";

export function modbusConnection(alias: string): ConnectionEntry {
  return {
    key: `ModbusTCP Connections:${alias}: Connection status`,
    description: "Connection status to the Modbus server",
  };
}

export function opcUaConnection(alias: string): ConnectionEntry {
  return { key: `OPC UA Connections:${alias}`, description: "Connection status to the OPC UA server" };
}
