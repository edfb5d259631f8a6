// The address space of a server from one node on: its objects and variables as a tree. Browse and BrowseNext (OPC 10000-4, 5.9.2 and 5.9.3), and
// Read for types, values and units, in batches.
//
// Promises: a node is visited once, so circles end; there is a bound for the number of nodes. What a server refuses of one node costs only that node.

import {
  AttributeIds,
  BrowseDirection,
  BrowseNextRequest,
  BrowseNextResponse,
  BrowseRequest,
  BrowseResponse,
  DataType,
  NodeId,
  TimestampsToReturn,
  coerceNodeId,
} from "node-opcua-client";
import type { BrowseResult, DataValue, ReferenceDescription } from "node-opcua-client";
import { StatusCode, isBad } from "@cpc-partition/image/values/status-code";
import { builtInTypeName, BuiltInType } from "@cpc-partition/image/values/built-in-type";
import type { Value } from "@cpc-partition/image/values/value";
import { BatchRead } from "../batch-read.ts";
import { readEnumerations } from "../enumerations.ts";
import { distinct, ownTypeOf, readNamespaces } from "../node-attributes.ts";
import { ReadSize } from "../read-size.ts";
import type { SecureSession } from "../secure-session.ts";
import { StructureTypes, type StructureMember } from "../structure-types.ts";
import { variantToValue } from "../variant-to-value.ts";

export interface BrowsedNode {
  /** "ns=2;s=Tank.Level" (OPC 10000-6, 5.1.12). */
  readonly nodeId: string;
  readonly browseName: string;
  readonly displayName: string;
  readonly isVariable: boolean;
  readonly children: BrowsedNode[];
  /** Of a variable. */
  dataType: string;
  isArray: boolean;
  value: Value | undefined;
  status: number;
  unit: string;
  description: string;
  /** The texts of its values (image/values/enumeration.ts). */
  enumeration?: string | undefined;
  /** Of the structure that is its value. */
  members?: readonly StructureMember[];
}

export interface AddressSpace {
  readonly root: BrowsedNode;
  /** URIs in the order of their indices. */
  readonly namespaces: readonly string[];
  readonly variables: number;
  /** The bound was reached: there is more. */
  readonly isCut: boolean;
}

/** OPC 10000-6, A.1: HierarchicalReferences, the Server object. */
const hierarchicalReferences = new NodeId(NodeId.NodeIdType.NUMERIC, 33, 0);
const serverObject = "ns=0;i=2253";
const nodesInRequest = 200;
/** NodeClass (OPC 10000-3, 8.29). */
const objectClass = 1;
const variableClass = 2;
const objectsAndVariables = objectClass | variableClass;
/** ResultMask: everything but the type definition's name (OPC 10000-4, 7.5). */
const resultMask = 63;
/** OPC 10000-5, 12.2.12.11: EUInformation, as a property of a variable (OPC 10000-8, 5.3.2.2). */
const unitsProperty = "EngineeringUnits";
const attributes = [AttributeIds.DataType, AttributeIds.ValueRank, AttributeIds.Description, AttributeIds.Value];

interface Found extends BrowsedNode {
  readonly id: NodeId;
  units: NodeId | undefined;
  /** A type that is no built-in one. */
  ownType?: NodeId | undefined;
}

/** `from`: a node id. `progress` is called with the number of nodes so far. Rejects with a ServerError. */
export async function browseAddressSpace(
  session: SecureSession,
  from: string,
  mostNodes: number,
  signal: AbortSignal,
  progress: (nodes: number, step: string) => void,
): Promise<AddressSpace> {
  const root = found(coerceNodeId(from), from, from, false);
  const seen = new Set([root.id.toString()]);
  const variables: Found[] = [];
  let level = [root];
  let isCut = false;
  while (level.length > 0 && !isCut) {
    const next: Found[] = [];
    for (let first = 0; first < level.length && !isCut; first += nodesInRequest) {
      const parents = level.slice(first, first + nodesInRequest);
      for (const [index, references] of (await browse(session, parents, signal)).entries()) {
        const parent = parents[index];
        if (parent === undefined) continue;
        for (const reference of references) isCut ||= !take(parent, reference, seen, mostNodes, next, variables);
      }
      progress(seen.size, "browsing");
    }
    level = next;
  }
  await describe(session, variables, signal, progress);
  const namespaces = await readNamespaces(session, new ReadSize(undefined), signal);
  return { root, namespaces, variables: variables.length, isCut };
}

/** False when there are enough nodes. */
function take(
  parent: Found,
  reference: ReferenceDescription,
  seen: Set<string>,
  mostNodes: number,
  next: Found[],
  variables: Found[],
): boolean {
  const { nodeId, browseName, displayName, nodeClass } = reference;
  const id = new NodeId(nodeId.identifierType, nodeId.value, nodeId.namespace);
  if (parent.isVariable && browseName.name === unitsProperty) parent.units = id;
  const text = id.toString();
  // Another server's node, one that was met before, or what a server says of itself.
  if (nodeId.serverIndex > 0 || seen.has(text) || text === serverObject) return true;
  const kind: number = nodeClass;
  const isVariable = kind === variableClass;
  if (!isVariable && kind !== objectClass) return true;
  // Properties describe their variable: they are no points of the plant.
  if (isVariable && isProperty(reference)) return true;
  if (seen.size >= mostNodes) return false;
  seen.add(text);
  const node = found(id, browseName.name ?? "", displayName.text ?? browseName.name ?? "", isVariable);
  parent.children.push(node);
  next.push(node);
  if (isVariable) variables.push(node);
  return true;
}

/** HasProperty (i=46). */
function isProperty({ referenceTypeId }: ReferenceDescription): boolean {
  return referenceTypeId.namespace === 0 && referenceTypeId.value === 46;
}

function found(id: NodeId, browseName: string, displayName: string, isVariable: boolean): Found {
  return {
    id,
    nodeId: id.toString().replace(/^ns=0;/, ""),
    browseName,
    displayName,
    isVariable,
    children: [],
    dataType: "",
    isArray: false,
    value: undefined,
    status: StatusCode.BadWaitingForInitialData,
    unit: "",
    description: "",
    units: undefined,
  };
}

/** The references of each node, all pages of them; none where the server refuses. */
async function browse(
  session: SecureSession,
  nodes: readonly Found[],
  signal: AbortSignal,
): Promise<readonly ReferenceDescription[][]> {
  const request = new BrowseRequest({
    requestedMaxReferencesPerNode: 0,
    nodesToBrowse: nodes.map(({ id }) => ({
      nodeId: id,
      browseDirection: BrowseDirection.Forward,
      referenceTypeId: hierarchicalReferences,
      includeSubtypes: true,
      nodeClassMask: objectsAndVariables,
      resultMask,
    })),
  });
  const { results: answered } = await session.request(request, BrowseResponse, { what: "browse", signal });
  const results = answered ?? [];
  const references = nodes.map((_, index) => [...(results[index]?.references ?? [])]);
  let open = pagesOf(
    results,
    nodes.map((_, index) => index),
  );
  while (open.length > 0) {
    const more = new BrowseNextRequest({
      releaseContinuationPoints: false,
      continuationPoints: open.map(({ point }) => point),
    });
    const { results: answeredPages } = await session.request(more, BrowseNextResponse, { what: "browse", signal });
    const pages = answeredPages ?? [];
    for (const [at, { index }] of open.entries()) references[index]?.push(...(pages[at]?.references ?? []));
    open = pagesOf(
      pages,
      open.map(({ index }) => index),
    );
  }
  return references;
}

function pagesOf(results: readonly BrowseResult[], indices: readonly number[]) {
  return results.flatMap(({ continuationPoint }, at) => {
    const isLast = continuationPoint === null || continuationPoint === undefined || continuationPoint.length === 0;
    return isLast ? [] : [{ point: continuationPoint, index: indices[at] ?? 0 }];
  });
}

async function describe(
  session: SecureSession,
  variables: readonly Found[],
  signal: AbortSignal,
  progress: (nodes: number, step: string) => void,
): Promise<void> {
  const perPiece = 1000;
  for (let first = 0; first < variables.length; first += perPiece) {
    const some = variables.slice(first, first + perPiece);
    await describeSome(session, some, signal);
    progress(Math.min(variables.length, first + perPiece), `reading ${variables.length} variables`);
  }
}

async function describeSome(session: SecureSession, variables: readonly Found[], signal: AbortSignal): Promise<void> {
  const questions = variables.flatMap(({ id }) => attributes.map((attributeId) => ({ nodeId: id, attributeId })));
  const withUnits = variables.filter(({ units }) => units !== undefined);
  const units = withUnits.map(({ units: nodeId = NodeId.nullNodeId }) => ({ nodeId, attributeId: AttributeIds.Value }));
  const read = new BatchRead(session, [...questions, ...units], TimestampsToReturn.Neither, new ReadSize(undefined));
  await read.run(signal, (index, result, faultStatus) => {
    const ofUnits = withUnits[index - questions.length];
    if (ofUnits !== undefined) ofUnits.unit = unitOf(result);
    const variable = variables[Math.floor(index / attributes.length)];
    if (index >= questions.length || variable === undefined) return;
    if (attributes[index % attributes.length] === AttributeIds.DataType) variable.ownType = ownTypeOf(result);
    setAttribute(variable, attributes[index % attributes.length], result, faultStatus);
  });
  const types = distinct(variables.map(({ ownType }) => ownType));
  const enumerations = await readEnumerations(session, types, new ReadSize(undefined), signal);
  for (const variable of variables) {
    variable.enumeration = enumerations.get(variable.ownType?.toString() ?? "");
    if (variable.enumeration !== undefined) variable.dataType = builtInTypeName(BuiltInType.Int32);
  }
  const structures = new StructureTypes();
  await structures.read(session, types, new ReadSize(undefined), signal);
  for (const variable of variables) variable.members = structures.membersOf(variable.ownType);
}

function setAttribute(
  variable: Found,
  attribute: AttributeIds | undefined,
  result: DataValue | undefined,
  faultStatus: number,
): void {
  const status = result?.statusCode.value ?? faultStatus;
  const content: unknown = isBad(status) ? undefined : result?.value.value;
  if (attribute === AttributeIds.Value) {
    variable.status = status >>> 0;
    variable.value = result === undefined || isBad(status) ? undefined : variantToValue(result.value);
    // A type of the server's own: what it sends says more.
    if (variable.dataType === "" && variable.value !== undefined)
      variable.dataType = builtInTypeName(variable.value.type);
  } else if (attribute === AttributeIds.DataType) variable.dataType = typeNameOf(content);
  else if (attribute === AttributeIds.ValueRank) variable.isArray = typeof content === "number" && content >= 0;
  else if (attribute === AttributeIds.Description) variable.description = textOf(content);
}

/** "" for a type that is no built-in one. */
function typeNameOf(content: unknown): string {
  if (!(content instanceof NodeId) || content.namespace !== 0 || typeof content.value !== "number") return "";
  const { value: number } = content;
  // 24 is BaseDataType, which says nothing.
  const isBuiltIn = number > 0 && number <= BuiltInType.DiagnosticInfo && number !== 24;
  return isBuiltIn ? builtInTypeName(number) : "";
}

function textOf(content: unknown): string {
  const text = (content as { text?: string | null } | null | undefined)?.text;
  return typeof text === "string" ? text : "";
}

/** EUInformation.displayName. */
function unitOf(result: DataValue | undefined): string {
  if (result === undefined || isBad(result.statusCode.value) || result.value.dataType !== DataType.ExtensionObject)
    return "";
  return textOf((result.value.value as { displayName?: unknown } | null)?.displayName);
}
