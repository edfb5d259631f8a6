// The entry of the document that tells whether a server is connected. Consumers know its key: it never changes.

import type { ConnectionEntry } from "@cpc-partition/image/point";

export function opcUaConnection(alias: string): ConnectionEntry {
  return { key: `OPC UA Connections:${alias}`, description: "Connection status to the OPC UA server" };
}
