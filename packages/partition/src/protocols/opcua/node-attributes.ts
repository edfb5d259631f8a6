// What a new session has to read before values can be read: where the namespaces are today, how many nodes the server takes
// per request, and what it calls the nodes. Asked again at every session, because servers change while nobody is connected.

import { AttributeIds, DataType, NodeId, TimestampsToReturn } from "node-opcua-client";
import type { DataValue, QualifiedName, LocalizedText } from "node-opcua-client";
import type { OpcUaNode, OpcUaServer } from "../../configuration/configuration.ts";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isBad } from "@cpc-partition/image/values/status-code";
import { BatchRead } from "./batch-read.ts";
import { ReadSize, fewNodes, type ReadSizes } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";

/** OPC 10000-3, 8.3: no browse name is longer; and no display name becomes a key that is. */
const mostCharacters = 512;

const { NodeIdType } = NodeId;

/** OPC 10000-6, A.1: Server_NamespaceArray, OperationLimits.MaxNodesPerRead. */
const namespaceArrayId = new NodeId(NodeIdType.NUMERIC, 2255, 0);
const maxNodesPerReadId = new NodeId(NodeIdType.NUMERIC, 11705, 0);

export interface NodeAttributes {
  /** undefined: the node's namespace URI is unknown to the server. */
  readonly nodeId: NodeId | undefined;
  /** `{namespaceIndex}:{BrowseName}`, with a display name where the server reports no browse name. */
  readonly key: string;
  /** `key` has the browse name as the server reports it. */
  readonly isReported: boolean;
  /** Null where the server reports no type, or one that is no built-in type. */
  readonly type: BuiltInType;
  readonly isArray: boolean;
}

/** Of each node, in the order of the configuration. Gives `sizes` the limits that the server states. */
export async function readNodeAttributes(
  session: SecureSession,
  server: OpcUaServer,
  sizes: ReadSizes,
  signal: AbortSignal,
): Promise<readonly NodeAttributes[]> {
  let namespaces: readonly string[] = [];
  const questions = [valueOf(namespaceArrayId), valueOf(maxNodesPerReadId)];
  const start = new BatchRead(session, questions, neither, new ReadSize(Math.min(fewNodes, sizes.values.nodes)));
  let maxNodesPerRead = 0;
  await start.run(signal, (index, result) => {
    if (result === undefined || isBad(result.statusCode.value)) return;
    const value: unknown = result.value.value;
    if (index === 0 && Array.isArray(value)) namespaces = value.map(String);
    if (index === 1 && typeof value === "number") maxNodesPerRead = value;
  });
  sizes.attributes.begin(maxNodesPerRead);
  sizes.values.begin(maxNodesPerRead);
  const nodeIds = server.nodes.map((node) => resolveNodeId(node, namespaces));
  return readAttributes(session, server.nodes, nodeIds, sizes.attributes, signal);
}

/** URIs in the order of their indices; none where the server does not report them. */
export async function readNamespaces(
  session: SecureSession,
  size: ReadSize,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let namespaces: readonly string[] = [];
  await new BatchRead(session, [valueOf(namespaceArrayId)], neither, size).run(signal, (_index, result) => {
    const value: unknown = result?.value.value;
    if (Array.isArray(value)) namespaces = value.map(String);
  });
  return namespaces;
}

const neither = TimestampsToReturn.Neither;

function valueOf(nodeId: NodeId): { nodeId: NodeId; attributeId: AttributeIds } {
  return { nodeId, attributeId: AttributeIds.Value };
}

/** A configured index is used as it is; a URI is looked up in the server's NamespaceArray. */
export function resolveNodeId(node: OpcUaNode, namespaces: readonly string[]): NodeId | undefined {
  const { namespace, identifier } = node;
  const index = "index" in namespace ? namespace.index : namespaces.indexOf(namespace.uri);
  if (index < 0) return undefined;
  switch (identifier.type) {
    case "Numeric":
      return new NodeId(NodeIdType.NUMERIC, identifier.value, index);
    case "String":
      return new NodeId(NodeIdType.STRING, identifier.value, index);
    case "Guid":
      return new NodeId(NodeIdType.GUID, identifier.value.toUpperCase(), index);
    case "Opaque":
      return new NodeId(NodeIdType.BYTESTRING, Buffer.from(identifier.value, "base64"), index);
    default:
      return identifier satisfies never;
  }
}

const attributes = [AttributeIds.BrowseName, AttributeIds.DisplayName, AttributeIds.DataType, AttributeIds.ValueRank];

export async function readAttributes(
  session: SecureSession,
  nodes: readonly OpcUaNode[],
  nodeIds: readonly (NodeId | undefined)[],
  size: ReadSize,
  signal: AbortSignal,
): Promise<readonly NodeAttributes[]> {
  const present = nodeIds.flatMap((nodeId, index) => (nodeId === undefined ? [] : [{ nodeId, index }]));
  const answers = nodes.map((): (DataValue | undefined)[] => []);
  const questions = present.flatMap(({ nodeId }) => attributes.map((attributeId) => ({ nodeId, attributeId })));
  await new BatchRead(session, questions, neither, size).run(signal, (question, result) => {
    const asked = present[Math.floor(question / attributes.length)];
    if (asked === undefined || result === undefined || isBad(result.statusCode.value)) return;
    (answers[asked.index] as (DataValue | undefined)[])[question % attributes.length] = result;
  });
  return nodes.map((node, index) => {
    const [browseName, displayName, dataType, valueRank] = answers[index] ?? [];
    const rank: unknown = valueRank?.value.value;
    return {
      nodeId: nodeIds[index],
      key: documentKey(node, nodeIds[index], browseName, displayName),
      isReported: browseName !== undefined,
      type: builtInTypeOf(dataType),
      isArray: typeof rank === "number" && rank >= 0,
    };
  });
}

function documentKey(
  node: OpcUaNode,
  nodeId: NodeId | undefined,
  browseName: DataValue | undefined,
  displayName: DataValue | undefined,
): string {
  if (browseName?.value.dataType === DataType.QualifiedName && browseName.value.value !== null) {
    const { namespaceIndex, name } = browseName.value.value as QualifiedName;
    if (name !== null && name !== "" && name.length <= mostCharacters) return `${namespaceIndex}:${name}`;
  }
  const shown =
    displayName?.value.dataType === DataType.LocalizedText
      ? (displayName.value.value as LocalizedText | null)?.text
      : null;
  const namespace = nodeId?.namespace ?? ("uri" in node.namespace ? node.namespace.uri : node.namespace.index);
  const isUsable = typeof shown === "string" && shown !== "" && shown.length <= mostCharacters;
  return `${namespace}:${isUsable ? shown : node.displayName}`;
}

/** Data types of namespace 0 that are other names of a built-in type (OPC 10000-5, 12 and OPC 10000-3, 8). */
const aliases: ReadonlyMap<number, BuiltInType> = new Map([
  [29, BuiltInType.Int32], // Enumeration
  [30, BuiltInType.ByteString], // Image
  [288, BuiltInType.UInt32], // IntegerId
  [289, BuiltInType.UInt32], // Counter
  [290, BuiltInType.Double], // Duration
  [291, BuiltInType.String], // NumericRange
  [294, BuiltInType.DateTime], // UtcTime
  [295, BuiltInType.String], // LocaleId
]);

function builtInTypeOf(dataType: DataValue | undefined): BuiltInType {
  const nodeId: unknown = dataType?.value.value;
  if (!(nodeId instanceof NodeId) || nodeId.namespace !== 0 || typeof nodeId.value !== "number")
    return BuiltInType.Null;
  // 24 is BaseDataType, which says nothing.
  if (nodeId.value > 0 && nodeId.value < 24) return nodeId.value as BuiltInType;
  return aliases.get(nodeId.value) ?? BuiltInType.Null;
}
