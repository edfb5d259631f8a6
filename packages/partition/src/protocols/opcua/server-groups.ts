// The groups of a server: nodes that are read, or subscribed to, at the same interval.

import { groupsByInterval } from "../../sources/rate-groups.ts";
import type { Group } from "../../sources/source.ts";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";

export function groupsOf({ nodes, intervalMs: ofServer }: OpcUaServer): readonly Group[] {
  const rated = nodes.map(({ intervalMs, item }) => ({ intervalMs, isSubscribed: item !== undefined }));
  return groupsByInterval(rated, ofServer);
}
