// Reads the configured nodes of one server over one session.

import {
  AttributeIds,
  DataType,
  TimestampsToReturn,
  getExtraDataTypeManager,
  promoteOpaqueStructure,
  resolveNodeId,
} from "node-opcua-client";
import type { ClientSession, DataValue } from "node-opcua-client";
import type { OpcUaServer } from "../../configuration/configuration.ts";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { ServerError } from "../../sources/server-error.ts";
import { StatusCode, isBad } from "@cpc-partition/image/values/status-code";
import type { Timestamp } from "@cpc-partition/image/values/timestamp";
import type { Value } from "@cpc-partition/image/values/value";
import { BatchRead } from "./batch-read.ts";
import { boundedWait } from "./bounded-wait.ts";
import { readAttributes, readNamespaces, readNodeAttributes, resolveNodeId as nodeIdOf } from "./node-attributes.ts";
import type { NodeAttributes } from "./node-attributes.ts";
import type { NodeReport } from "./node-report.ts";
import type { ReadSizes } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";
import { isOpaque } from "./ua-json.ts";
import { deliver, variantToValue } from "./variant-to-value.ts";
import { timestampOf } from "./wire-numbers.ts";

export class NodeReader {
  #nodeAttributes: readonly NodeAttributes[] = [];
  readonly #session: SecureSession;
  readonly #server: OpcUaServer;
  readonly #sizes: ReadSizes;
  readonly #report: NodeReport;
  #values!: BatchRead;
  /** Place in the client's points of each node that is read. */
  #indices: readonly number[] = [];
  /** Nodes whose namespace the server does not have, and when it was asked last. */
  #unresolved: readonly number[] = [];
  #resolvedMs = performance.now();
  #typeDefinitions: "unread" | "underway" | "known" | "unavailable" = "unread";

  private constructor(
    session: SecureSession,
    server: OpcUaServer,
    sizes: ReadSizes,
    report: NodeReport,
    nodeAttributes: readonly NodeAttributes[],
  ) {
    this.#session = session;
    this.#server = server;
    this.#sizes = sizes;
    this.#report = report;
    this.#arrange(nodeAttributes);
  }

  #arrange(nodeAttributes: readonly NodeAttributes[]): void {
    this.#nodeAttributes = nodeAttributes;
    this.#indices = nodeAttributes.flatMap(({ nodeId }, index) => (nodeId === undefined ? [] : [index]));
    this.#unresolved = nodeAttributes.flatMap(({ nodeId }, index) => (nodeId === undefined ? [index] : []));
    const nodes = nodeAttributes.flatMap(({ nodeId }) =>
      nodeId === undefined ? [] : [{ nodeId, attributeId: AttributeIds.Value }],
    );
    this.#values = new BatchRead(this.#session, nodes, TimestampsToReturn.Source, this.#sizes.values);
  }

  static async create(
    session: SecureSession,
    server: OpcUaServer,
    sizes: ReadSizes,
    report: NodeReport,
    signal: AbortSignal,
  ): Promise<NodeReader> {
    return new NodeReader(session, server, sizes, report, await readNodeAttributes(session, server, sizes, signal));
  }

  /** What is known of the nodes; another list when a node was described that the server did not know at first. */
  get nodeAttributes(): readonly NodeAttributes[] {
    return this.#nodeAttributes;
  }

  async poll(sink: PointSink, signal: AbortSignal): Promise<void> {
    if (this.#unresolved.length > 0) await this.#resolveLate(signal);
    const appeared: number[] = [];
    for (const index of this.#unresolved) {
      sink.setStatus(index, StatusCode.BadNodeIdUnknown);
      this.#report.namespaceMissing(index);
    }
    await this.#values.run(
      signal,
      (position, result, faultStatus) => {
        const index = this.#indices[position] as number;
        if (result === undefined) sink.setStatus(index, faultStatus);
        else deliver(sink, index, result);
        if (result === undefined) return;
        if (isBad(result.statusCode.value)) {
          this.#report.refused(index, result.statusCode.value);
          return;
        }
        if (this.#nodeAttributes[index]?.isReported === false) appeared.push(index);
      },
      this.#decodeStructures,
      () => sink.responseCame(),
    );
    this.#report.tell();
    if (appeared.length > 0) await this.#readLate(appeared, signal);
  }

  /** Nor are namespaces always complete when a session is opened: what was not found is looked for again, as seldom as a lost server. */
  async #resolveLate(signal: AbortSignal): Promise<void> {
    if (performance.now() - this.#resolvedMs < this.#server.retryIntervalMs) return;
    this.#resolvedMs = performance.now();
    const namespaces = await readNamespaces(this.#session, this.#sizes.attributes, signal);
    const found = new Map(
      this.#unresolved.flatMap((index) => {
        const node = this.#server.nodes[index];
        const nodeId = node && nodeIdOf(node, namespaces);
        return nodeId === undefined ? [] : [[index, { nodeId }] as const];
      }),
    );
    if (found.size > 0)
      this.#arrange(this.#nodeAttributes.map((reported, index) => Object.assign({}, reported, found.get(index))));
  }

  /** A server may open sessions before its address space is complete: a node that has a value now can be asked for its names, too. */
  async #readLate(indices: readonly number[], signal: AbortSignal): Promise<void> {
    const nodes = indices.flatMap((index) => this.#server.nodes[index] ?? []);
    const nodeIds = indices.map((index) => this.#nodeAttributes[index]?.nodeId);
    const described = await readAttributes(this.#session, nodes, nodeIds, this.#sizes.attributes, signal);
    const late = new Map(indices.map((index, place) => [index, described[place]]));
    // A server that has a value and no browse name will not have one later: then the display name is the name.
    this.#nodeAttributes = this.#nodeAttributes.map((reported, index) => ({
      ...reported,
      ...late.get(index),
      isReported: reported.isReported || late.has(index),
    }));
  }

  async readValue(
    nodeId: string,
    signal: AbortSignal,
  ): Promise<{ value: Value | undefined; status: number; sourceTimestamp: Timestamp | undefined }> {
    const node = { nodeId: resolved(nodeId, this.#server), attributeId: AttributeIds.Value };
    let answer: { value: Value | undefined; status: number; sourceTimestamp: Timestamp | undefined } | undefined;
    await new BatchRead(this.#session, [node], TimestampsToReturn.Source, this.#sizes.values).run(
      signal,
      (_position, result, faultStatus) => {
        const status = result === undefined ? faultStatus : result.statusCode.value >>> 0;
        const value = result === undefined || isBad(status) ? undefined : variantToValue(result.value);
        answer = {
          value,
          status: value === undefined && !isBad(status) ? StatusCode.BadDecodingError : status,
          sourceTimestamp: timestampOf(result?.sourceTimestamp, result?.sourcePicoseconds ?? 0),
        };
      },
      this.#decodeStructures,
    );
    return answer ?? { value: undefined, status: StatusCode.BadInternalError, sourceTimestamp: undefined };
  }

  /**
   * Decodes structures with the server's own type definitions, which are read when the first such value is seen. That takes
   * many requests: the poll waits for them no longer than for an answer, and values stay in their undecoded form until then.
   */
  readonly #decodeStructures = async (results: readonly DataValue[], signal: AbortSignal): Promise<void> => {
    if (this.#typeDefinitions === "underway" || this.#typeDefinitions === "unavailable") return;
    const opaque = results.filter(hasOpaqueStructure);
    if (opaque.length === 0) return;
    const { alias, timeoutMs } = this.#server;
    const limit = { server: alias, timeoutMs, signal };
    const session = this.#session.nodeOpcUaSession;
    try {
      if (this.#typeDefinitions === "unread") {
        await boundedWait(this.#readTypeDefinitions(session), "read type definitions", limit);
      }
      await boundedWait(promoteOpaqueStructure(session, opaque), "decode structures", limit);
    } catch (error) {
      if (error instanceof ServerError && error.code === "Stopped") throw error;
    }
  };

  async #readTypeDefinitions(session: ClientSession): Promise<void> {
    this.#typeDefinitions = "underway";
    try {
      await getExtraDataTypeManager(session);
      this.#typeDefinitions = "known";
    } catch (error) {
      this.#typeDefinitions = "unavailable";
      throw error;
    }
  }
}

function hasOpaqueStructure({ value }: DataValue): boolean {
  if (value.dataType !== DataType.ExtensionObject) return false;
  const content: unknown = value.value;
  return Array.isArray(content) ? content.some(isOpaque) : isOpaque(content);
}

function resolved(nodeId: string, server: OpcUaServer): ReturnType<typeof resolveNodeId> {
  try {
    return resolveNodeId(nodeId);
  } catch (cause) {
    throw new ServerError("ServiceFault", server.alias, `cannot read "${nodeId}" because it is not a node id`, {
      cause,
    });
  }
}
