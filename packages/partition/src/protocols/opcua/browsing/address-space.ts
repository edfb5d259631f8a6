// The address space of a server from one node on: its objects and variables as a tree. references.ts asks for references,
// variable-description.ts for types, values and units.
//
// Promises: a node is visited once, so circles end. There are bounds for the number of nodes, for how deep they lie, for pages that bring nothing and for the
// characters of names; what was left out for a bound, or because the server refused it, is told.

import { AttributeIds, NodeId, TimestampsToReturn, coerceNodeId } from "node-opcua-client";
import type { ReferenceDescription } from "node-opcua-client";
import { StatusCode, isBad } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { ServerError } from "../../../sources/server-error.ts";
import { BatchRead } from "../batch-read.ts";
import { readNamespaces } from "../node-attributes.ts";
import { ReadSize } from "../read-size.ts";
import type { SecureSession } from "../secure-session.ts";
import type { AddressSpace, BrowseProgress, Found, LeftOut } from "./browsed-node.ts";
import {
  objectClass,
  variableClass,
  visitReferences,
  type BrowsingLimits,
  type ReferenceVisitor,
} from "./references.ts";
import { TextRoom } from "./text-room.ts";
import { describeVariables, textOf } from "./variable-description.ts";

/** Deeper nodes are not visited. No plant is nested so deep, and what handles the tree calls itself for each level. */
export const deepestLevel = 100;
/** In all. A large node whose references all lead to known nodes takes some hundreds. */
const mostFruitlessPages = 1000;
/** The Server object. */
const serverObject = "ns=0;i=2253";
const nodesInRequest = 200;
/** OPC 10000-5, 12.2.12.11: EUInformation, as a property of a variable (OPC 10000-8, 5.3.2.2). */
const unitsProperty = "EngineeringUnits";

/** `from`: a node id. `progress` is called with the number of nodes so far. Rejects with a ServerError. */
export async function browseAddressSpace(
  session: SecureSession,
  from: string,
  mostNodes: number,
  signal: AbortSignal,
  progress: BrowseProgress,
): Promise<AddressSpace> {
  const root = await rootAt(session, from, signal);
  const room = new TextRoom(session.server, mostNodes);
  const walk = new Walk(root, mostNodes, room);
  const limits: BrowsingLimits = { size: new ReadSize(nodesInRequest), references: 0, fruitless: mostFruitlessPages };
  for (let depth = 0; walk.level.length > 0 && !walk.isCut; depth++) {
    const parents = walk.begin(depth);
    for (let first = 0; first < parents.length && !walk.isCut; first += nodesInRequest) {
      const some = parents.slice(first, first + nodesInRequest);
      const ids = some.map(({ id }) => id);
      await visitReferences(session, ids, limits, signal, walk.visitorOf(some, progress));
    }
  }
  await describeVariables(session, walk.variables, room, signal, progress);
  const namespaces = await readNamespaces(session, new ReadSize(undefined), signal);
  const { variables, isCut, leftOut } = walk;
  return { root, namespaces, variables: variables.length, isCut, leftOut };
}

/** The server's word for the node that somebody named; a ServerError when there is none. */
async function rootAt(session: SecureSession, from: string, signal: AbortSignal): Promise<Found> {
  const id = coerceNodeId(from);
  const about = [AttributeIds.NodeClass, AttributeIds.BrowseName, AttributeIds.DisplayName];
  const questions = about.map((attributeId) => ({ nodeId: id, attributeId }));
  const contents: unknown[] = [];
  let status = StatusCode.Good as number;
  const read = new BatchRead(session, questions, TimestampsToReturn.Neither, new ReadSize(undefined));
  await read.run(signal, (index, result, faultStatus) => {
    if (index === 0) status = result?.statusCode.value ?? faultStatus;
    contents[index] = result?.value.value;
  });
  if (isBad(status)) {
    const because = `the server answers ${statusName(status >>> 0)}; without --from all nodes are shown, with their ids`;
    throw new ServerError("ServiceFault", session.server.alias, `cannot browse from ${from} because ${because}`);
  }
  const [nodeClass, browseName, displayName] = contents;
  const name = (browseName as { name?: string | null } | null | undefined)?.name ?? from;
  return found(id, name, textOf(displayName) || name, nodeClass === variableClass);
}

class Walk {
  readonly variables: Found[];
  isCut = false;
  /** Those to be visited next. */
  level: Found[];
  readonly #mostNodes: number;
  readonly #room: TextRoom;
  readonly #seen: Set<string>;
  readonly #leftOut = new Map<string, { count: number; readonly nodeId: string }>();
  #isDeepest = false;

  constructor(root: Found, mostNodes: number, room: TextRoom) {
    this.#mostNodes = mostNodes;
    this.#room = room;
    this.#seen = new Set([root.id.toString()]);
    this.variables = root.isVariable ? [root] : [];
    this.level = [root];
  }

  get leftOut(): readonly LeftOut[] {
    return Array.from(this.#leftOut, ([because, left]) => ({ ...left, because }));
  }

  /** The nodes of this level; those below them come into the next. */
  begin(depth: number): readonly Found[] {
    const { level } = this;
    this.level = [];
    this.#isDeepest = depth === deepestLevel;
    return level;
  }

  visitorOf(parents: readonly Found[], progress: BrowseProgress): ReferenceVisitor {
    const leave = (index: number, because: string): void => this.#leave(parents[index], because);
    return {
      visit: (index: number, reference: ReferenceDescription) => {
        const parent = parents[index];
        return parent !== undefined && this.#take(parent, reference);
      },
      refused: (index: number, status: number) => leave(index, `the server answers ${statusName(status)}`),
      endless: (index: number) => leave(index, "the server goes on giving pages with nothing new"),
      wantsMore: () => {
        progress(this.#seen.size, "browsing");
        return !this.isCut;
      },
    };
  }

  #leave(parent: Found | undefined, because: string): void {
    const left = this.#leftOut.get(because);
    if (left !== undefined) left.count++;
    else if (parent !== undefined) this.#leftOut.set(because, { count: 1, nodeId: parent.nodeId });
  }

  /** True when it led to a node that was not met before. */
  #take(parent: Found, reference: ReferenceDescription): boolean {
    const { nodeId, browseName, displayName, nodeClass } = reference;
    const id = new NodeId(nodeId.identifierType, nodeId.value, nodeId.namespace);
    if (parent.isVariable && browseName.name === unitsProperty) parent.units = id;
    const text = id.toString();
    // Another server's node, one that was met before, or what a server says of itself.
    if (nodeId.serverIndex > 0 || this.#seen.has(text) || text === serverObject || this.isCut) return false;
    const kind: number = nodeClass;
    const isVariable = kind === variableClass;
    if (!isVariable && kind !== objectClass) return false;
    // Properties describe their variable: they are no points of the plant.
    if (isVariable && isProperty(reference)) return false;
    if (this.#isDeepest) {
      this.#leave(parent, `they lie deeper than ${deepestLevel} levels`);
      return false;
    }
    if (this.#seen.size >= this.#mostNodes) {
      this.isCut = true;
      return false;
    }
    this.#seen.add(text);
    const node = found(id, browseName.name ?? "", displayName.text ?? browseName.name ?? "", isVariable);
    this.#room.take(text, node.browseName, node.displayName);
    parent.children.push(node);
    this.level.push(node);
    if (isVariable) this.variables.push(node);
    return true;
  }
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
    shown: "",
    value: undefined,
    status: StatusCode.BadWaitingForInitialData,
    unit: "",
    description: "",
    units: undefined,
  };
}
