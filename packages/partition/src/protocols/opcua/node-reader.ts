// Reads the configured nodes of one server over one session, each group of them by itself: the Read of one group waits for no other's.

import { AttributeIds, TimestampsToReturn, resolveNodeId } from "node-opcua-client";
import type { DataValue, ReadValueIdOptions } from "node-opcua-client";
import type { OpcUaServer } from "./configuration/opc-ua-server.ts";
import type { PointSink } from "@cpc-partition/image/point-sink";
import { ServerError } from "../../sources/server-error.ts";
import type { Group } from "../../sources/source.ts";
import { StatusCode, isBad } from "@cpc-partition/image/values/status-code";
import type { Timestamp } from "@cpc-partition/image/values/timestamp";
import type { Value } from "@cpc-partition/image/values/value";
import { valueToRead } from "./index-range.ts";
import { BatchRead } from "./batch-read.ts";
import {
  distinct,
  readAttributes,
  readNamespaces,
  readNodeAttributes,
  resolveNodeId as nodeIdOf,
  withMembers,
} from "./node-attributes.ts";
import type { NodeAttributes } from "./node-attributes.ts";
import type { NodeReport } from "./node-report.ts";
import { pacesOf, type ReadPace } from "./read-pace.ts";
import type { ReadSize, ReadSizes } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";
import { StructureDecoding } from "./structure-decoding.ts";
import { StructureTypes } from "./structure-types.ts";
import { ValueDelivery } from "./value-delivery.ts";
import { variantToValue } from "./variant-to-value.ts";
import { timestampOf } from "./wire-numbers.ts";

/** From one look at the types of structures to the next, in retry intervals. */
const retriesPerLook = 6;

/** What one group reads. A node's place is that in the group, its index that in the configuration. */
interface GroupRead {
  readonly values: BatchRead;
  /** Place of each node that is read. */
  readonly places: readonly number[];
  /** Places of the nodes whose namespace the server does not have. */
  readonly unresolved: readonly number[];
}

/** The server and what is known of it over all its sessions. */
export interface KnownServer {
  readonly server: OpcUaServer;
  readonly groups: readonly Group[];
  readonly sizes: ReadSizes;
  /** Of each group. */
  readonly reports: readonly NodeReport[];
}

export class NodeReader {
  #nodeAttributes: readonly NodeAttributes[] = [];
  /** Indices of the nodes that the server did not know when it was asked for their names. */
  #unreported: ReadonlySet<number> = new Set();
  readonly #session: SecureSession;
  readonly #known: KnownServer;
  readonly #paces: readonly (ReadPace | undefined)[];
  readonly #deliveries: readonly ValueDelivery[];
  #reads: readonly GroupRead[] = [];
  /** When the server was asked last for namespaces that it did not have. */
  #resolvedMs = performance.now();
  readonly #structures: StructureDecoding;
  /** Undefined: the types have not been looked at yet. */
  #typesSeen: string | undefined;
  #typesLookMs = 0;

  private constructor(session: SecureSession, known: KnownServer, nodeAttributes: readonly NodeAttributes[]) {
    this.#session = session;
    this.#known = known;
    this.#structures = new StructureDecoding(known.server, session.nodeOpcUaSession);
    this.#paces = pacesOf(known.groups);
    const { nodes } = known.server;
    this.#deliveries = known.groups.map(({ points }) => {
      const own = points.flatMap((index) => (nodes[index] === undefined ? [] : [[index, nodes[index]] as const]));
      return new ValueDelivery(own, (structure) => this.#structures.undecodedStatus(structure));
    });
    this.#arrange(nodeAttributes);
  }

  #arrange(nodeAttributes: readonly NodeAttributes[]): void {
    this.#know(nodeAttributes);
    this.#reads = this.#known.groups.map(({ points }, group) => this.#readOf(group, [...points.keys()]));
  }

  #know(nodeAttributes: readonly NodeAttributes[]): void {
    this.#nodeAttributes = nodeAttributes;
    this.#unreported = new Set(nodeAttributes.flatMap(({ isReported }, index) => (isReported ? [] : [index])));
  }

  /** Of these places in the group. */
  #readOf(group: number, places: readonly number[]): GroupRead {
    const points = this.#known.groups[group]?.points ?? [];
    const delivery = this.delivery(group);
    const values: ReadValueIdOptions[] = [];
    const found: number[] = [];
    const unresolved: number[] = [];
    // Members come with their structure.
    for (const place of new Set(places.map((own) => delivery.ownerOf(own)))) {
      const value = this.valueToRead(points[place] ?? -1);
      if (value === undefined) unresolved.push(place);
      else {
        values.push(value);
        found.push(place);
      }
    }
    return { values: this.#batchRead(values, this.#paces[group]), places: found, unresolved };
  }

  /** Of the node at `index` of the configuration; undefined when the server does not have its namespace. */
  valueToRead(index: number): ReadValueIdOptions | undefined {
    const node = this.#known.server.nodes[index];
    const nodeId = this.#nodeAttributes[index]?.nodeId;
    return node === undefined || nodeId === undefined ? undefined : valueToRead(nodeId, node);
  }

  /** Where the answers of a group go. */
  delivery(group: number): ValueDelivery {
    const delivery = this.#deliveries[group];
    if (delivery === undefined) throw new RangeError(`the server ${this.#known.server.alias} has no group ${group}`);
    return delivery;
  }

  static async create(session: SecureSession, known: KnownServer, signal: AbortSignal): Promise<NodeReader> {
    return new NodeReader(session, known, await readNodeAttributes(session, known.server, known.sizes, signal));
  }

  /** What is known of the nodes; another list when a node was described that the server did not know at first. */
  get nodeAttributes(): readonly NodeAttributes[] {
    return this.#nodeAttributes;
  }

  get attributeSize(): ReadSize {
    return this.#known.sizes.attributes;
  }

  /** Reads every node of a group once. */
  async poll(group: number, sink: PointSink, signal: AbortSignal): Promise<void> {
    if ((this.#reads[group]?.unresolved.length ?? 0) > 0) await this.#resolveLate(signal);
    await this.#deliver(group, this.#reads[group], sink, signal);
  }

  /** As a poll, of these places in the group only. */
  async read(group: number, places: readonly number[], sink: PointSink, signal: AbortSignal): Promise<void> {
    if (this.#readOf(group, places).unresolved.length > 0) await this.#resolveLate(signal);
    await this.#deliver(group, this.#readOf(group, places), sink, signal);
  }

  /** What the server answers for these places in the group; nothing where it refuses the request. */
  async look(
    group: number,
    places: readonly number[],
    signal: AbortSignal,
    visit: (place: number, result: DataValue) => void,
  ): Promise<void> {
    const read = this.#readOf(group, places);
    const visitPlace = (position: number, result: DataValue | undefined): void => {
      if (result !== undefined) visit(read.places[position] as number, result);
    };
    await read.values.run(signal, visitPlace, this.decodeStructures);
  }

  async #deliver(group: number, read: GroupRead | undefined, sink: PointSink, signal: AbortSignal): Promise<void> {
    const points = this.#known.groups[group]?.points;
    const report = this.#known.reports[group];
    if (points === undefined || read === undefined || report === undefined)
      throw new RangeError(`the server ${this.#known.server.alias} has no group ${group}`);
    const delivery = this.delivery(group);
    const appeared: number[] = [];
    for (const place of read.unresolved) {
      delivery.setStatus(sink, place, StatusCode.BadNodeIdUnknown);
      report.namespaceMissing(points[place] as number);
    }
    const hasUnreported = this.#unreported.size > 0;
    const refused = (place: number, status: number): void => report.refused(points[place] as number, status);
    await read.values.runInPlace(
      signal,
      (node, results, position, faultStatus) => {
        const place = read.places[node] as number;
        if (results === undefined) return delivery.setStatus(sink, place, faultStatus);
        const status = delivery.deliverAt(sink, place, results, position, refused);
        if (isBad(status)) refused(place, status);
        else if (hasUnreported && this.#unreported.has(points[place] as number)) appeared.push(points[place] as number);
      },
      this.decodeStructures,
      () => sink.responseCame(),
    );
    report.tell();
    if (appeared.length > 0) await this.describe(appeared, signal);
  }

  #batchRead(nodes: readonly ReadValueIdOptions[], pace?: ReadPace): BatchRead {
    return new BatchRead(this.#session, nodes, TimestampsToReturn.Source, this.#known.sizes.values, pace);
  }

  /** Nor are namespaces always complete when a session is opened: what was not found is looked for again, as seldom as a lost server. */
  async #resolveLate(signal: AbortSignal): Promise<void> {
    const { server, sizes } = this.#known;
    if (performance.now() - this.#resolvedMs < server.retryIntervalMs) return;
    this.#resolvedMs = performance.now();
    const namespaces = await readNamespaces(this.#session, sizes.attributes, signal);
    const found = new Map(
      server.nodes.flatMap((node, index) => {
        if (this.#nodeAttributes[index]?.nodeId !== undefined) return [];
        const nodeId = nodeIdOf(node, namespaces);
        return nodeId === undefined ? [] : [[index, { nodeId }] as const];
      }),
    );
    if (found.size === 0) return;
    this.#arrange(this.#nodeAttributes.map((reported, index) => Object.assign({}, reported, found.get(index))));
  }

  /** A server may open sessions before its address space is complete: a node that has a value now can be asked for its names, too. */
  async describe(indices: readonly number[], signal: AbortSignal): Promise<void> {
    const { server, sizes } = this.#known;
    const nodes = indices.flatMap((index) => server.nodes[index] ?? []);
    const nodeIds = indices.map((index) => this.#nodeAttributes[index]?.nodeId);
    const described = await readAttributes(this.#session, nodes, nodeIds, sizes.attributes, signal);
    const late = new Map(indices.map((index, place) => [index, described[place]]));
    // A server that has a value and no browse name will not have one later: then the display name is the name.
    const known = this.#nodeAttributes.map((reported, index) => ({
      ...reported,
      ...late.get(index),
      isReported: reported.isReported || late.has(index),
    }));
    this.#know(withMembers(server.nodes, known));
  }

  async readValue(
    nodeId: string,
    signal: AbortSignal,
  ): Promise<{ value: Value | undefined; status: number; sourceTimestamp: Timestamp | undefined }> {
    const node = { nodeId: resolved(nodeId, this.#known.server), attributeId: AttributeIds.Value };
    let answer: { value: Value | undefined; status: number; sourceTimestamp: Timestamp | undefined } | undefined;
    await this.#batchRead([node]).run(
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
      this.decodeStructures,
    );
    return answer ?? { value: undefined, status: StatusCode.BadInternalError, sourceTimestamp: undefined };
  }

  /** Grows when structures that came undecoded may be decoded now. */
  get rereadings(): number {
    return this.#structures.rereadings;
  }

  /** Replaces structures in the results by their decoded form. */
  readonly decodeStructures = async (results: readonly DataValue[], signal: AbortSignal): Promise<void> => {
    const looking = this.#lookNowAndThen(signal);
    // With nothing to compare with, a change right after the first value would not be seen.
    if (this.#typesSeen === undefined) await looking;
    await this.#structures.decode(results, signal);
  };

  /** Beside the polls. What ends the session shows there. */
  async #lookNowAndThen(signal: AbortSignal): Promise<void> {
    const nowMs = performance.now();
    if (nowMs < this.#typesLookMs) return;
    this.#typesLookMs = nowMs + retriesPerLook * this.#known.server.retryIntervalMs;
    await this.#lookAtTypes(signal).catch(() => {});
  }

  /** Values whose type has other members of the same size do not show it. */
  async #lookAtTypes(signal: AbortSignal): Promise<void> {
    const ownTypes = this.#nodeAttributes.map(({ ownType, enumeration }) =>
      enumeration === undefined ? ownType : undefined,
    );
    const structures = distinct(ownTypes);
    if (structures.length === 0) return;
    const types = new StructureTypes();
    await types.read(this.#session, structures, this.#known.sizes.attributes, signal);
    const { fingerprint } = types;
    const isOther = this.#typesSeen !== undefined && this.#typesSeen !== fingerprint;
    if (!isOther || this.#structures.typesChanged()) this.#typesSeen = fingerprint;
  }
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
