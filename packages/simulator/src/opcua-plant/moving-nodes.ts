// The configured nodes in the address space of the simulated server, each with a value that is computed when it is read.
//
// Promises: namespace, identifier, browse name and data type as configured; a node whose type is not known is a Double.
// Does not: build a hierarchy; everything lies in the Objects folder.

import { coerceNodeId, DataType, Variant, VariantArrayType } from "node-opcua-client";
import type { NodeId } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";

import type { OpcUaNode } from "cpc-partition/protocols/opcua/configuration/opc-ua-server";
import { identifierLetters } from "cpc-partition/protocols/opcua/configuration/opc-ua-point";
import { BuiltInType } from "@cpc-partition/image/values/built-in-type";
import { movingStructure } from "./moving-structure.ts";
import { contentTypeOf, dataTypeOf, movingContent } from "./wire-value.ts";

type AddressSpace = NonNullable<OPCUAServer["engine"]["addressSpace"]>;

const maxSeriesLength = 16;
/** A part that lies further behind is answered as one that is not there. */
const mostElements = 1_000_000;
/** All namespaces below a configured one have to exist, and each takes memory: 65535 of them take more than there is. */
const highestNamespaceIndex = 1000;

/** Adds what the server does not have yet; one node for each node id. */
export function addNodes(server: OPCUAServer, nodes: readonly OpcUaNode[]): void {
  const addressSpace = server.engine.addressSpace;
  if (addressSpace === null) throw new TypeError("cannot add nodes because the server has no address space");
  registerNamespaces(addressSpace, nodes);
  for (const [index, node] of nodes.entries()) {
    if (node.member !== undefined) continue;
    const namespace =
      "uri" in node.namespace
        ? addressSpace.registerNamespace(node.namespace.uri) // finds one that is there
        : addressSpace.getNamespace(node.namespace.index);
    const nodeId = coerceNodeId(
      `ns=${namespace.index};${identifierLetters[node.identifier.type]}=${node.identifier.value}`,
    );
    // A node of the standard nodeset (the server's clock, say), or one that is configured twice.
    if (addressSpace.findNode(nodeId) !== null) continue;
    const members = membersBehind(nodes, index);
    const isStructure = members.length > 0 || node.type === BuiltInType.ExtensionObject;
    const value = isStructure ? structureOf(addressSpace, node, members) : valueOf(node);
    const variable = namespace.addVariable({
      organizedBy: addressSpace.rootFolder.objects,
      nodeId,
      browseName: node.displayName,
      displayName: { locale: "de", text: node.displayName },
      description: { locale: "de", text: node.description },
      dataType: value.dataType,
      valueRank: value.valueRank,
      minimumSamplingInterval: 100,
    });
    variable.bindVariable({ get: value.get }, true);
  }
}

/** A namespace for every index up to the highest configured one. */
function registerNamespaces(addressSpace: AddressSpace, nodes: readonly OpcUaNode[]): void {
  let highest = 1;
  for (const { displayName, namespace } of nodes) {
    if (!("index" in namespace)) continue;
    if (namespace.index > highestNamespaceIndex) {
      throw new RangeError(
        `node "${displayName}" has namespace index ${namespace.index} and a simulated server has room for ${highestNamespaceIndex}; configure its <NamespaceUri> instead`,
      );
    }
    highest = Math.max(highest, namespace.index);
  }
  // Registering a URI that is there already (namespace 1 is the server's application URI) adds nothing.
  for (let index = addressSpace.getNamespaceArray().length; index <= highest; index++)
    addressSpace.registerNamespace(`urn:cpc-partition:simulated-plant:namespace:${index}`);
}

/** They follow the node that has the structure. */
function membersBehind(nodes: readonly OpcUaNode[], owner: number): readonly OpcUaNode[] {
  let end = owner + 1;
  while (nodes[end]?.member !== undefined) end++;
  return nodes.slice(owner + 1, end);
}

interface MovingValue {
  readonly dataType: NodeId;
  readonly valueRank: number;
  readonly get: () => Variant;
}

function structureOf(addressSpace: AddressSpace, node: OpcUaNode, members: readonly OpcUaNode[]): MovingValue {
  const { dataType, isArray, valueAt } = movingStructure(addressSpace, node, members);
  const arrayType = isArray ? VariantArrayType.Array : VariantArrayType.Scalar;
  let isBound = false;
  return {
    dataType,
    valueRank: isArray ? 1 : -1,
    get: () => {
      // Asked for once while it is bound: the server knows the type's fields from its start on.
      const value = isBound ? valueAt(Date.now()) : isArray ? [] : null;
      isBound = true;
      return new Variant({ dataType: DataType.ExtensionObject, arrayType, value });
    },
  };
}

function valueOf(node: OpcUaNode): MovingValue {
  const { displayName, unit } = node;
  const type = node.type === BuiltInType.Null ? BuiltInType.Double : node.type;
  const dataType = contentTypeOf(type);
  const dimensions = dimensionsOf(node);
  const common = { dataType: dataTypeOf(type), valueRank: dimensions.length === 0 ? -1 : dimensions.length };
  if (dimensions.length === 0) {
    const content = movingContent(displayName, unit, type);
    const arrayType = VariantArrayType.Scalar;
    return { ...common, get: () => new Variant({ dataType, arrayType, value: content(Date.now()) }) };
  }
  const count = dimensions.reduce((product, length) => product * length, 1);
  const elements = Array.from({ length: Math.min(count, maxSeriesLength) }, (_, i) =>
    movingContent(`${displayName} ${i}`, unit, type),
  );
  const shape =
    dimensions.length === 1
      ? { arrayType: VariantArrayType.Array }
      : { arrayType: VariantArrayType.Matrix, dimensions: [...dimensions] };
  return {
    ...common,
    get: () => {
      const atMs = Date.now();
      const contents = elements.map((element) => element(atMs));
      const all = Array.from({ length: count }, (_, i) => contents[i % contents.length]);
      return new Variant({ dataType, ...shape, value: rowOf(type, all) });
    },
  };
}

/** Lengths of an array: those that the configured part of it needs, else a row of numbers where there is room for more than one. */
function dimensionsOf({ type, capacityBytes, indexRange }: OpcUaNode): readonly number[] {
  const needed = indexRange?.split(",").map((range) => Number(range.split(":").at(-1)) + 1) ?? [];
  const count = needed.reduce((product, length) => product * length, 1);
  if (needed.length > 0 && count <= mostElements) return needed;
  const isNumber = type >= BuiltInType.Boolean && type <= BuiltInType.Double;
  const length = isNumber ? Math.min(maxSeriesLength, Math.floor(capacityBytes / 8)) : 0;
  return length === 0 ? [] : [length];
}

/** node-opcua takes a list for one of these types, too, with a warning on standard error. */
const numberRows = new Map<BuiltInType, { from(values: readonly number[]): unknown }>([
  [BuiltInType.SByte, Int8Array],
  [BuiltInType.Byte, Uint8Array],
  [BuiltInType.Int16, Int16Array],
  [BuiltInType.UInt16, Uint16Array],
  [BuiltInType.Int32, Int32Array],
  [BuiltInType.UInt32, Uint32Array],
  [BuiltInType.Float, Float32Array],
  [BuiltInType.Double, Float64Array],
]);

function rowOf(type: BuiltInType, values: readonly unknown[]): unknown {
  return numberRows.get(type)?.from(values as readonly number[]) ?? values;
}
