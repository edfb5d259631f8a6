// What a new session has to read before values can be read: where the namespaces are today, how many nodes the server takes
// per request, and what it calls the nodes. Asked again at every session, because servers change while nobody is connected.

import { AttributeIds, DataType, NodeId, TimestampsToReturn } from "node-opcua-client";
import type { DataValue, QualifiedName, LocalizedText } from "node-opcua-client";
import type { OpcUaNode, OpcUaServer } from "./configuration/opc-ua-server.ts";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { isBad } from "@cpc-partition/image/values/status-code";
import { BatchRead } from "./batch-read.ts";
import { baseDataType, builtInTypeOfId } from "./built-in-types.ts";
import { memberName } from "./configuration/opc-ua-member.ts";
import { readEnumerations } from "./enumerations.ts";
import { ReadSize, fewNodes, type ReadSizes } from "./read-size.ts";
import type { SecureSession } from "./secure-session.ts";
import { StructureTypes } from "./structure-types.ts";

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
  /** The texts of its values, where its type is an enumeration (image/values/enumeration.ts). */
  readonly enumeration?: string | undefined;
  /** A type that is no built-in one. */
  readonly ownType?: NodeId | undefined;
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
  // Members are asked for with their structure.
  const nodeIds = server.nodes.map((node) => (node.member === undefined ? resolveNodeId(node, namespaces) : undefined));
  const described = await readAttributes(session, server.nodes, nodeIds, sizes.attributes, signal);
  const structures = distinct(server.nodes.map(({ member }) => described[member?.owner ?? -1]?.ownType));
  const types = new StructureTypes();
  await types.read(session, structures, sizes.attributes, signal);
  return withMembers(server.nodes, described, types);
}

/** Members of structures have node id and name of the node that has the structure. */
export function withMembers(
  nodes: readonly OpcUaNode[],
  attributes: readonly NodeAttributes[],
  types?: StructureTypes,
): readonly NodeAttributes[] {
  return attributes.map((own, index): NodeAttributes => {
    const member = nodes[index]?.member;
    const owner = attributes[member?.owner ?? -1];
    if (member === undefined || owner === undefined) return own;
    const { nodeId, isReported, ownType } = owner;
    const told = ownType === undefined ? undefined : types?.at(ownType, member.steps);
    return { ...own, ...told, nodeId, key: memberName(owner.key, member.path), isReported };
  });
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

const attributes = [AttributeIds.BrowseName, AttributeIds.DataType, AttributeIds.ValueRank];

/** So many nodes are asked for at a time: the answers of all at once would take much more memory than what is made of them. */
const nodesAtOnce = 2500;

export async function readAttributes(
  session: SecureSession,
  nodes: readonly OpcUaNode[],
  nodeIds: readonly (NodeId | undefined)[],
  size: ReadSize,
  signal: AbortSignal,
): Promise<readonly NodeAttributes[]> {
  const told: NodeAttributes[] = [];
  for (let first = 0; first < nodes.length; first += nodesAtOnce) {
    const end = first + nodesAtOnce;
    told.push(...(await askSome(session, nodes.slice(first, end), nodeIds.slice(first, end), size, signal)));
  }
  const types = distinct(told.map(({ ownType }) => ownType));
  const enumerations = await readEnumerations(session, types, size, signal);
  if (enumerations.size === 0) return told;
  return told.map((own) => {
    const enumeration = enumerations.get(own.ownType?.toString() ?? "");
    return enumeration === undefined ? own : Object.assign({}, own, { type: BuiltInType.Int32, enumeration });
  });
}

async function askSome(
  session: SecureSession,
  nodes: readonly OpcUaNode[],
  nodeIds: readonly (NodeId | undefined)[],
  size: ReadSize,
  signal: AbortSignal,
): Promise<readonly NodeAttributes[]> {
  const present = nodeIds.flatMap((nodeId, index) => (nodeId === undefined ? [] : [{ nodeId, index }]));
  const answers = nodes.map((): (DataValue | undefined)[] => []);
  const ask = async (asked: typeof present, attributeIds: readonly AttributeIds[], first: number): Promise<void> => {
    const questions = asked.flatMap(({ nodeId }) => attributeIds.map((attributeId) => ({ nodeId, attributeId })));
    await new BatchRead(session, questions, neither, size).run(signal, (question, result) => {
      const node = asked[Math.floor(question / attributeIds.length)];
      if (node === undefined || result === undefined || isBad(result.statusCode.value)) return;
      (answers[node.index] as (DataValue | undefined)[])[first + (question % attributeIds.length)] = result;
    });
  };
  await ask(present, attributes, 0);
  // Nearly every node has a browse name: the others are asked for what is shown instead.
  const nameless = present.filter(({ index }) => keyOfBrowseName(answers[index]?.[0]) === undefined);
  if (nameless.length > 0) await ask(nameless, [AttributeIds.DisplayName], attributes.length);
  return nodes.map((node, index) => {
    const [browseName, dataType, valueRank, displayName] = answers[index] ?? [];
    const rank: unknown = valueRank?.value.value;
    const ownType = ownTypeOf(dataType);
    return {
      nodeId: nodeIds[index],
      key: keyOfBrowseName(browseName) ?? keyWithoutBrowseName(node, nodeIds[index], displayName),
      isReported: browseName !== undefined,
      type: builtInTypeOf(dataType),
      isArray: typeof rank === "number" && rank >= 0,
      ...(ownType === undefined ? {} : { ownType }),
    };
  });
}

/** Undefined when it is none that can be a key. */
function keyOfBrowseName(browseName: DataValue | undefined): string | undefined {
  if (browseName?.value.dataType !== DataType.QualifiedName || browseName.value.value === null) return undefined;
  const { namespaceIndex, name } = browseName.value.value as QualifiedName;
  return name !== null && name !== "" && name.length <= mostCharacters ? `${namespaceIndex}:${name}` : undefined;
}

function keyWithoutBrowseName(node: OpcUaNode, nodeId: NodeId | undefined, displayName: DataValue | undefined): string {
  const shown =
    displayName?.value.dataType === DataType.LocalizedText
      ? (displayName.value.value as LocalizedText | null)?.text
      : null;
  const namespace = nodeId?.namespace ?? ("uri" in node.namespace ? node.namespace.uri : node.namespace.index);
  const isUsable = typeof shown === "string" && shown !== "" && shown.length <= mostCharacters;
  return `${namespace}:${isUsable ? shown : node.displayName}`;
}

/** A type that is no built-in one and no other name of one. */
export function ownTypeOf(dataType: DataValue | undefined): NodeId | undefined {
  const nodeId: unknown = dataType?.value.value;
  if (!(nodeId instanceof NodeId) || builtInTypeOf(dataType) !== BuiltInType.Null) return undefined;
  const saysNothing = nodeId.namespace === 0 && typeof nodeId.value === "number" && nodeId.value <= baseDataType;
  return saysNothing ? undefined : nodeId;
}

/** Each type once. */
export function distinct(types: readonly (NodeId | undefined)[]): readonly NodeId[] {
  return [...new Map(types.flatMap((type) => (type === undefined ? [] : [[type.toString(), type]]))).values()];
}

function builtInTypeOf(dataType: DataValue | undefined): BuiltInType {
  return builtInTypeOfId(dataType?.value.value);
}
