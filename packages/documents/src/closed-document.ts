// The document of a service that reads nothing: every connection closed, no points.

import type { ConnectionEntry } from "@cpc-partition/image/point";

export function closedDocument(connections: readonly ConnectionEntry[]): Uint8Array {
  const entries = connections.map(
    ({ key, description }) =>
      `${JSON.stringify(key)}:{"value":false,"varType":"Boolean","description":${JSON.stringify(description)}}`,
  );
  return Buffer.from(`{${entries.join(",")}}`);
}
