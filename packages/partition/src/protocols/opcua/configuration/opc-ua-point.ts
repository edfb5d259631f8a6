// What the configuration alone says of an OPC UA node as a point: the key that is expected, and by what the one that the server reports is remembered.

import type { PointDescription } from "@cpc-partition/image/point";
import type { OpcUaNode, OpcUaServer } from "./opc-ua-server.ts";

export function configuredPoint(server: OpcUaServer, node: OpcUaNode): PointDescription {
  const { namespace, identifier, indexRange, member, displayName, browseName, description, unit, type, capacityBytes } =
    node;
  const text = valueText(node);
  const expectedNamespace = "index" in namespace ? namespace.index : namespace.uri;
  const identity = [
    server.alias,
    server.endpointUrl,
    expectedNamespace,
    identifier.type,
    identifier.value,
    displayName,
    ...(indexRange === undefined ? [] : [indexRange]),
    ...(member === undefined ? [] : [{ member: member.path }]),
  ];
  return {
    key: browseName ?? `${expectedNamespace}:${displayName}`,
    description,
    unit,
    source: `${text} "${displayName}"`,
    type,
    capacityBytes,
    place: `${server.alias} ${text}`,
    name: { identity: JSON.stringify(identity), isSettled: browseName !== undefined, reported: undefined },
  };
}

/** How the text form of a node id names the identifier's type (OPC 10000-6, 5.1.12). */
export const identifierLetters = { Numeric: "i", String: "s", Guid: "g", Opaque: "b" } as const;

/** Which value a node of the configuration is: its node id (OPC 10000-6, 5.1.12) and the part of it, `ns=2;s=Levels[0:9]`. */
export function valueText({ namespace, identifier, indexRange, member }: OpcUaNode): string {
  const prefix = "index" in namespace ? `ns=${namespace.index}` : `nsu=${namespace.uri}`;
  const part = indexRange === undefined ? "" : `[${indexRange}]`;
  return `${prefix};${identifierLetters[identifier.type]}=${identifier.value}${part}${member === undefined ? "" : ` member ${member.path}`}`;
}
