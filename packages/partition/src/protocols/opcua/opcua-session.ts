// A session with one OPC UA server: polls its nodes as long as the server's certificate is trusted.

import type { OpcUaServer } from "../../configuration/configuration.ts";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { Timestamp } from "@cpc-partition/image/values/timestamp";
import type { Value } from "@cpc-partition/image/values/value";
import { ServerError } from "../../sources/server-error.ts";
import { pollGroups, type Session, type SessionReports } from "../../sources/source.ts";
import type { NodeAttributes } from "./node-attributes.ts";
import type { NodeReader } from "./node-reader.ts";
import type { SecureSession } from "./secure-session.ts";

/** What `readValue` gives: value (undefined with a bad status), status code and source timestamp of one node. */
export interface NodeValue {
  readonly value: Value | undefined;
  readonly status: number;
  readonly sourceTimestamp: Timestamp | undefined;
}

export interface OpcUaSessionContext {
  /** Does the work and says on its failure when the next attempt makes sense. */
  decide<T>(work: () => Promise<T>): Promise<T>;
  /** Throws when the server's certificate is not trusted any more. */
  recheck(): void;
  described(nodeAttributes: readonly NodeAttributes[]): void;
  closed(): void;
}

export class OpcUaSession implements Session {
  readonly #server: OpcUaServer;
  readonly #session: SecureSession;
  readonly #reader: NodeReader;
  readonly #context: OpcUaSessionContext;
  #closing: Promise<void> | undefined;

  constructor(server: OpcUaServer, session: SecureSession, reader: NodeReader, context: OpcUaSessionContext) {
    this.#server = server;
    this.#session = session;
    this.#reader = reader;
    this.#context = context;
  }

  async run(reports: SessionReports, signal: AbortSignal): Promise<void> {
    await pollGroups(reports, signal, (_group, sink, pollSignal) => this.poll(0, sink, pollSignal));
  }

  /** Reads every node of the only group once. */
  async poll(_group: 0, sink: PointSink, signal: AbortSignal): Promise<void> {
    await this.#context.decide(async () => {
      this.#assertOpen();
      this.#context.recheck();
      const { nodeAttributes } = this.#reader;
      await this.#reader.poll(sink, signal);
      if (this.#reader.nodeAttributes !== nodeAttributes) this.#context.described(this.#reader.nodeAttributes);
    });
  }

  /** Reads one node outside the polls; `nodeId` as in "ns=2;s=Name" (OPC 10000-6, 5.1.12). Rejects with a ServerError. */
  async readValue(nodeId: string): Promise<NodeValue> {
    this.#assertOpen();
    this.#context.recheck();
    return await this.#reader.readValue(nodeId, AbortSignal.timeout(this.#server.timeoutMs * 2));
  }

  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#context.closed();
      this.#closing = this.#session.close();
    }
    return this.#closing;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw notConnected(this.#server);
  }
}

export function notConnected({ alias, endpointUrl }: OpcUaServer): ServerError {
  return new ServerError("ConnectionFailed", alias, `cannot read from ${endpointUrl} because it is not connected`);
}
