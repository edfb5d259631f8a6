// A session with one OPC UA server: polls its nodes, or has the server send what changes, as long as the server's certificate is trusted.

import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import type { PointSink } from "@cpc-partition/image/point-sink";
import type { Timestamp } from "@cpc-partition/image/values/timestamp";
import type { Value } from "@cpc-partition/image/values/value";
import { ServerError } from "../../sources/server-error.ts";
import { together, type Group, type Session, type SessionReports, type UnmetWish } from "../../sources/source.ts";
import type { NodeAttributes } from "./node-attributes.ts";
import type { NodeReader } from "./node-reader.ts";
import type { SecureSession } from "./secure-session.ts";
import { findProperties } from "./properties.ts";
import { readStateTexts } from "./state-texts.ts";
import { PublishRequests } from "./subscription/publish-requests.ts";
import { SubscribedGroup, type KeptOverSessions } from "./subscription/subscribed-group.ts";

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
  /** The texts of single variables, by the index of the node; true when they are others than before. */
  keepStateTexts(stateTexts: ReadonlyMap<number, string>): boolean;
  readonly groups: readonly Group[];
  readonly kept: KeptOverSessions;
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

  /** For what is asked beside the polls. */
  get secured(): SecureSession {
    this.#assertOpen();
    return this.#session;
  }

  async run(reports: SessionReports, signal: AbortSignal): Promise<void> {
    const requests = new PublishRequests(this.#session);
    const groups = this.#context.groups.map(({ isSubscribed = false }, group) => {
      const subscribed = isSubscribed ? this.#subscribedGroup(group, reports, requests) : undefined;
      return async (both: AbortSignal): Promise<void> => {
        if (subscribed !== undefined) await this.#context.decide(() => subscribed.run(both));
        else await reports.groups[group]?.everyTick((sink) => this.poll(group, sink, both), both);
      };
    });
    const stateTexts = (both: AbortSignal): Promise<void> => this.#context.decide(() => this.#readStateTexts(both));
    await together([...groups, stateTexts, (both) => this.#context.decide(() => requests.run(both))], signal);
  }

  /** Beside the polls: values do not wait for texts. */
  async #readStateTexts(signal: AbortSignal): Promise<void> {
    const { nodeAttributes, attributeSize } = this.#reader;
    try {
      const stateTexts = await readStateTexts(this.#session, nodeAttributes, attributeSize, signal);
      if (this.#context.keepStateTexts(stateTexts)) this.#context.described(this.#reader.nodeAttributes);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  #subscribedGroup(group: number, reports: SessionReports, requests: PublishRequests): SubscribedGroup {
    const { groups, kept } = this.#context;
    const { points = [], intervalMs } = groups[group] ?? {};
    return new SubscribedGroup({
      session: this.#session,
      reader: this.#reader,
      reports,
      group,
      nodes: points,
      intervalMs,
      requests,
      ...kept,
      recheck: () => this.#context.recheck(),
      described: () => this.#context.described(this.#reader.nodeAttributes),
    });
  }

  async unmet(signal: AbortSignal): Promise<readonly UnmetWish[]> {
    const points = await this.#context.decide(() =>
      nodesWithoutRange(this.#session, this.#server, this.#reader, signal),
    );
    const message = "no range (EURange) for <deadbandPercent>, so every change is sent; write <deadband>";
    return points.length === 0 ? [] : [{ message, points }];
  }

  /** Reads every node of a group once. */
  async poll(group: number, sink: PointSink, signal: AbortSignal): Promise<void> {
    await this.#context.decide(async () => {
      this.#assertOpen();
      this.#context.recheck();
      const { nodeAttributes } = this.#reader;
      await this.#reader.poll(group, sink, signal);
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

/** A node that the server does not know is reported for that. */
async function nodesWithoutRange(
  session: SecureSession,
  { nodes }: OpcUaServer,
  { nodeAttributes }: NodeReader,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const concerned = nodes.flatMap(({ needsRange = false }, index) => {
    const { nodeId, isReported } = nodeAttributes[index] ?? {};
    return needsRange && isReported === true && nodeId !== undefined ? [{ index, owner: nodeId, name: "EURange" }] : [];
  });
  const ranges = await findProperties(session, concerned, signal);
  return concerned.filter((_, place) => ranges[place] === undefined).map(({ index }) => index);
}

export function notConnected({ alias, endpointUrl }: OpcUaServer): ServerError {
  return new ServerError("ConnectionFailed", alias, `cannot read from ${endpointUrl} because it is not connected`);
}
