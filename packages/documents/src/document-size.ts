// How large a segment has to be for a configuration: the longest document it can lead to, with headroom, because a consumer's mapping
// cannot grow.

import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { ConnectionEntry, PointDescription } from "@cpc-partition/image/point";
import type { ServerDescription } from "@cpc-partition/image/directory";
import { isInline } from "@cpc-partition/image/long-value";
import { connectionEntry } from "./document-entry.ts";
import { missingEntry } from "./document-layout.ts";

/** Contract, section 1. */
export const minimumSegmentBytes = { opcua: 10 * 1024, modbus: 12 * 1024 } as const;

const pageBytes = 4096;
const mostEntries = 0xffff_ffff;
/** `{"value":,"varType":"ExpandedNodeId","description":,"statusCode":4294967295}` and commas. */
const fixedEntryBytes = 80;
const scalarValueBytes = 30;
/** Browse names come from the server and may be longer than the names configured; values may turn out to be longer than expected. */
const headroom = 1.5;

/** Bytes that the document can take with every server connected, without headroom. */
export function estimateDocumentBytes(servers: readonly ServerDescription[]): number {
  const entries = servers.map(
    ({ connection, groups }) =>
      entryBytes(connection.key, connection.description) +
      groups.flatMap(({ points }) => points).reduce((sum, point) => sum + pointBytes(point), 0),
  );
  return 2 + entries.reduce((sum, bytes) => sum + bytes, 0);
}

export function segmentBytes(service: keyof typeof minimumSegmentBytes, servers: readonly ServerDescription[]): number {
  const wanted = Math.max(minimumSegmentBytes[service], Math.ceil(headroom * estimateDocumentBytes(servers)));
  // A minimum that is not a whole page is kept as it is: consumers may know the number.
  return wanted === minimumSegmentBytes[service] ? wanted : Math.ceil(wanted / pageBytes) * pageBytes;
}

/** Without them a consumer could not tell a server that is lost from one that is not configured. */
function leastSegmentBytes(connections: readonly ConnectionEntry[]): number {
  const entries = connections.map(({ key }) => Buffer.byteLength(connectionEntry(key, false, "")) + 1);
  return 2 + missingEntry(mostEntries).length + entries.reduce((sum, bytes) => sum + bytes, 0);
}

/** Why documents of this size cannot be: they could not even show every connection. Undefined: they can. */
export function segmentSizeFlaw(
  service: string,
  connections: readonly ConnectionEntry[],
  bytes: number,
): string | undefined {
  const least = leastSegmentBytes(connections);
  if (bytes >= least) return undefined;
  return (
    `cannot use --segment-size ${bytes} because the connection entries of ${service} alone take ${least} bytes; ` +
    `use at least ${least}, or leave the option out to have the size computed from the configuration`
  );
}

function pointBytes(point: PointDescription): number {
  return entryBytes(point.key, point.description) + valueBytes(point);
}

function valueBytes({ type, capacityBytes }: PointDescription): number {
  // Base64 takes four thirds, a quote or line break in a text two bytes for one; packed numbers may need many digits for a byte.
  if (type === BuiltInType.ByteString) return Math.ceil((4 * capacityBytes) / 3) + 2;
  return Math.max(scalarValueBytes, isInline(type) ? 3 * capacityBytes : capacityBytes + 2);
}

function entryBytes(key: string, description: string): number {
  return fixedEntryBytes + Buffer.byteLength(JSON.stringify(key)) + Buffer.byteLength(JSON.stringify(description));
}
