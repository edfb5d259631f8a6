// OPC UA as a protocol of the partition.

import type { OpcUaConfiguration, OpcUaNode, OpcUaServer } from "../../configuration/configuration.ts";
import { opcUaConnection } from "../../configuration/connection-entry.ts";
import type { PointDescription } from "@cpc-partition/image/point";
import type { Protocol } from "../protocol.ts";

export const opcua: Protocol = {
  name: "opcua",
  imageCode: 1,
  fileHolds: "OPC UA servers (XML)",
  remembersNames: true,
  prepare: (configuration, intervalMs) => {
    // How long a session must live between two polls depends on it.
    const withInterval = (server: OpcUaServer): OpcUaServer => ({
      ...server,
      intervalMs: server.intervalMs ?? intervalMs,
    });
    const { servers, ...rest } = configuration as OpcUaConfiguration;
    return { ...rest, servers: servers.map(withInterval) };
  },
  describe: (configuration) =>
    (configuration as OpcUaConfiguration).servers.map(({ alias, nodes }) => ({
      alias,
      connection: opcUaConnection(alias),
      groups: [{ name: "", intervalMs: 0, points: nodes.map(describeNode) }],
    })),
  loadClient: async () => {
    const { loadOnlyReading } = await import("./loaded-code.ts");
    loadOnlyReading();
    // Only now: what it imports is loaded before anything else happens.
    return (await import("./opcua-protocol-client.ts")).opcUaClient;
  },
};

function describeNode({
  displayName,
  browseName,
  description,
  unit,
  type,
  capacityBytes,
}: OpcUaNode): PointDescription {
  return { key: browseName ?? `65535:${displayName}`, description, unit, source: "", type, capacityBytes };
}
