// One OPC UA server of the configuration as a program uses it.

import type { OpcUaServer } from "../protocols/opcua/configuration/opc-ua-server.ts";
import { notConnected, type NodeValue, type OpcUaSession } from "../protocols/opcua/opcua-session.ts";
import { OpcUaSource, type OpcUaSourceOptions } from "../protocols/opcua/opcua-source.ts";
import type { ServerError } from "../sources/server-error.ts";
import { ServerClient } from "./server-client.ts";

export class OpcUaClient extends ServerClient<OpcUaSession> {
  readonly #server: OpcUaServer;

  constructor(server: OpcUaServer, options: OpcUaSourceOptions) {
    super(new OpcUaSource(server, options));
    this.#server = server;
  }

  /** Reads one node outside the poll; `nodeId` as in "ns=2;s=Name" (OPC 10000-6, 5.1.12). Rejects with a ServerError. */
  async readValue(nodeId: string): Promise<NodeValue> {
    return await this.opened.readValue(nodeId);
  }

  protected override notConnected(): ServerError {
    return notConnected(this.#server);
  }
}
