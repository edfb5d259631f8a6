// What the configuration alone says of an OPC UA node as a point: the key that is expected, and by what the learned one is remembered.

import type { PointDescription } from "@cpc-partition/image/point";
import type { OpcUaNode, OpcUaServer } from "./configuration.ts";

export function configuredPoint(server: OpcUaServer, node: OpcUaNode): PointDescription {
  const { namespace, identifier, displayName, browseName, description, unit, type, capacityBytes } = node;
  const expectedNamespace = "index" in namespace ? namespace.index : namespace.uri;
  const identity = [
    server.alias,
    server.endpointUrl,
    expectedNamespace,
    identifier.type,
    identifier.value,
    displayName,
  ];
  return {
    key: browseName ?? `${expectedNamespace}:${displayName}`,
    description,
    unit,
    source: `${nodeIdText(node)} "${displayName}"`,
    type,
    capacityBytes,
    place: `${server.alias} ${nodeIdText(node)}`,
    name: { identity: JSON.stringify(identity), isSettled: browseName !== undefined, reported: undefined },
  };
}

/** How the text form of a node id names the identifier's type (OPC 10000-6, 5.1.12). */
export const identifierLetters = { Numeric: "i", String: "s", Guid: "g", Opaque: "b" } as const;

/** OPC 10000-6, 5.1.12: `ns=2;s=Level`. */
export function nodeIdText({ namespace, identifier }: OpcUaNode): string {
  const prefix = "index" in namespace ? `ns=${namespace.index}` : `nsu=${namespace.uri}`;
  return `${prefix};${identifierLetters[identifier.type]}=${identifier.value}`;
}
