// OPC UA as a protocol of the partition.

import type { OpcUaConfiguration, OpcUaNode, OpcUaServer } from "./configuration/opc-ua-server.ts";
import { opcUaConnection } from "./configuration/connection-entry.ts";
import type { PointDescription } from "@cpc-partition/image/point";
import { codeOfService } from "@cpc-partition/image/service-name";
import { withInterval } from "../../sources/rate-groups.ts";
import type { Protocol } from "../protocol.ts";

export const opcua: Protocol = {
  name: "opcua",
  imageCode: codeOfService("opcua"),
  fileHolds: "OPC UA servers (XML)",
  rootElement: "opcua-servers",
  remembersNames: true,
  prepare: (server, serviceIntervalMs) => withInterval(server as OpcUaServer, serviceIntervalMs),
  polled: (configuration) => ({ servers: (configuration as OpcUaConfiguration).servers.map(polledServer) }),
  oddValueAdvice: "compare it with what the server's own tools show",
  describe: (configuration) =>
    (configuration as OpcUaConfiguration).servers.map(({ alias, nodes }) => ({
      alias,
      connection: opcUaConnection(alias),
      groups: [{ name: "", intervalMs: 0, points: nodes.map(describeNode) }],
    })),
  loadFormat: async () => (await import("./opcua-format.ts")).opcUaFormat,
  loadClient: async () => {
    const { loadOnlyReading } = await import("./loaded-code.ts");
    loadOnlyReading();
    // Only now: what it imports is loaded before anything else happens.
    return (await import("./opcua-protocol-client.ts")).opcUaClient;
  },
};

function polledServer(server: OpcUaServer): OpcUaServer {
  return { ...server, subscription: undefined, nodes: server.nodes.map(polledNode) };
}

function polledNode(node: OpcUaNode): OpcUaNode {
  const { item, member } = node;
  const needsRange = member === undefined && item?.deadband.kind === "Percent" && item.deadband.value > 0;
  return { ...node, item: undefined, needsRange };
}

export function describeNode({
  displayName,
  browseName,
  description,
  unit,
  type,
  capacityBytes,
}: OpcUaNode): PointDescription {
  return { key: browseName ?? `65535:${displayName}`, description, unit, source: "", type, capacityBytes };
}
