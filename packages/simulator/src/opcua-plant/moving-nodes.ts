// The configured nodes in the address space of the simulated server, each with a value that is computed when it is read.
//
// Promises: namespace, identifier, browse name and data type as configured; a node whose type is not known is a Double.
// Does not: build a hierarchy; everything lies in the Objects folder.

import { coerceNodeId, DataType, StatusCodes, Variant, VariantArrayType } from "node-opcua-client";
import type { OPCUAServer } from "node-opcua-server";

import type { OpcUaNode } from "cpc-partition/protocols/opcua/configuration/opc-ua-server";
import { identifierLetters } from "cpc-partition/protocols/opcua/configuration/opc-ua-point";
import { BuiltInType, builtInTypeName } from "@cpc-partition/image/values/built-in-type";
import { movingScalar, type MovingScalar } from "../moving-values.ts";

type AddressSpace = NonNullable<OPCUAServer["engine"]["addressSpace"]>;

const maxSeriesLength = 16;
/** All namespaces below a configured one have to exist, and each takes memory: 65535 of them take more than there is. */
const highestNamespaceIndex = 1000;

/** Adds what the server does not have yet; one node for each node id. */
export function addNodes(server: OPCUAServer, nodes: readonly OpcUaNode[]): void {
  const addressSpace = server.engine.addressSpace;
  if (addressSpace === null) throw new TypeError("cannot add nodes because the server has no address space");
  registerNamespaces(addressSpace, nodes);
  for (const node of nodes) {
    const namespace =
      "uri" in node.namespace
        ? addressSpace.registerNamespace(node.namespace.uri) // finds one that is there
        : addressSpace.getNamespace(node.namespace.index);
    const nodeId = coerceNodeId(
      `ns=${namespace.index};${identifierLetters[node.identifier.type]}=${node.identifier.value}`,
    );
    // A node of the standard nodeset (the server's clock, say), or one that is configured twice.
    if (addressSpace.findNode(nodeId) !== null) continue;
    const type = node.type === BuiltInType.Null ? BuiltInType.Double : node.type;
    const variable = namespace.addVariable({
      organizedBy: addressSpace.rootFolder.objects,
      nodeId,
      browseName: node.displayName,
      displayName: { locale: "de", text: node.displayName },
      description: { locale: "de", text: node.description },
      dataType: builtInTypeName(type),
      valueRank: seriesLength(node) === 0 ? -1 : 1,
      minimumSamplingInterval: 100,
    });
    variable.bindVariable({ get: movingVariant(node, type) }, true);
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

/** Numbers that have room for more than one are a row of them. */
function seriesLength({ type, capacityBytes }: OpcUaNode): number {
  const isNumber = type >= BuiltInType.Boolean && type <= BuiltInType.Double;
  return isNumber ? Math.min(maxSeriesLength, Math.floor(capacityBytes / 8)) : 0;
}

function movingVariant(node: OpcUaNode, type: BuiltInType): () => Variant {
  const dataType = DataType[builtInTypeName(type)];
  const length = seriesLength(node);
  if (length > 0) {
    const elements = Array.from({ length }, (_, i) => movingScalar(`${node.displayName} ${i}`, node.unit, type));
    return () => {
      const atMs = Date.now();
      return new Variant({
        dataType,
        arrayType: VariantArrayType.Array,
        value: elements.map((element) => wireValue(type, element(atMs))),
      });
    };
  }
  const scalar = movingScalar(node.displayName, node.unit, type);
  return () =>
    new Variant({ dataType, arrayType: VariantArrayType.Scalar, value: wireValue(type, scalar(Date.now())) });
}

/** As node-opcua writes it. */
function wireValue(type: BuiltInType, value: MovingScalar): unknown {
  return wireForms.get(type)?.(value) ?? value;
}

const wireForms = new Map<BuiltInType, (value: MovingScalar) => unknown>([
  [BuiltInType.Int64, highAndLow],
  [BuiltInType.UInt64, highAndLow],
  [BuiltInType.DateTime, (ticks) => new Date(Number((ticks as bigint) / 10_000n) - unixEpochMs)],
  [BuiltInType.ByteString, (bytes) => Buffer.from(bytes as Uint8Array)],
  [BuiltInType.StatusCode, () => StatusCodes.Good],
  [BuiltInType.LocalizedText, (text) => ({ locale: "de", text })],
  [BuiltInType.QualifiedName, (name) => ({ namespaceIndex: 0, name })],
]);

/** 1601-01-01 to 1970-01-01. */
const unixEpochMs = 11_644_473_600_000;

function highAndLow(value: MovingScalar): [number, number] {
  const bits = BigInt.asUintN(64, value as bigint);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
}
