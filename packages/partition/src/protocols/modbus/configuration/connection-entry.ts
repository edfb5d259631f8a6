// The entry of the document that tells whether a device is connected. Consumers know its key: it never changes.

import type { ConnectionEntry } from "@cpc-partition/image/point";

export function modbusConnection(alias: string): ConnectionEntry {
  return {
    key: `ModbusTCP Connections:${alias}: Connection status`,
    description: "Connection status to the Modbus server",
  };
}
