// The topics of an edge node (Sparkplug 3.0, 4.1), with names that any broker takes.

import { elementOf, serverElementOf, type ServerName } from "../../names.ts";

export interface EdgeTopics {
  readonly nodeBirth: string;
  readonly nodeData: string;
  readonly nodeDeath: string;
  readonly nodeCommand: string;
  readonly deviceBirth: (device: ServerName) => string;
  readonly deviceData: (device: ServerName) => string;
  readonly deviceDeath: (device: ServerName) => string;
}

export function edgeTopics(groupName: string, edgeNodeName: string): EdgeTopics {
  const group = elementOf(groupName);
  const edge = elementOf(edgeNodeName);
  const node = (type: string): string => `spBv1.0/${group}/${type}/${edge}`;
  const device =
    (type: string) =>
    (server: ServerName): string =>
      `${node(type)}/${serverElementOf(server)}`;
  return {
    nodeBirth: node("NBIRTH"),
    nodeData: node("NDATA"),
    nodeDeath: node("NDEATH"),
    nodeCommand: node("NCMD"),
    deviceBirth: device("DBIRTH"),
    deviceData: device("DDATA"),
    deviceDeath: device("DDEATH"),
  };
}

/** The host chose its id, and publishes under it as it is: 4.2. */
export function hostStateTopic(host: string): string {
  return `spBv1.0/STATE/${host}`;
}
