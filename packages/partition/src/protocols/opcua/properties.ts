// Where the properties of nodes are, by their names (OPC 10000-3, 4.4.2): they stand behind their node with the reference HasProperty.

import {
  NodeId,
  QualifiedName,
  TranslateBrowsePathsToNodeIdsRequest,
  TranslateBrowsePathsToNodeIdsResponse,
} from "node-opcua-client";
import type { BrowsePathResult } from "node-opcua-client";
import { isGood } from "@cpc-partition/image/values/status-code";
import type { SecureSession } from "./secure-session.ts";
import { unlessRefused } from "./subscription/server-subscription.ts";

/** HasProperty (OPC 10000-5). */
const hasProperty = new NodeId(NodeId.NodeIdType.NUMERIC, 46, 0);
export const mostPathsInRequest = 200;

/** A property in namespace 0. */
export interface WantedProperty {
  readonly owner: NodeId;
  readonly name: string;
}

/** Undefined for those that the server does not have. Rejects with a ServerError when the session can no longer be relied on. */
export async function findProperties(
  session: SecureSession,
  wanted: readonly WantedProperty[],
  signal: AbortSignal,
): Promise<readonly (NodeId | undefined)[]> {
  const found: (NodeId | undefined)[] = [];
  for (let first = 0; first < wanted.length; first += mostPathsInRequest) {
    const some = wanted.slice(first, first + mostPathsInRequest);
    const request = new TranslateBrowsePathsToNodeIdsRequest({ browsePaths: some.map((one) => browsePath(one)) });
    const options = { what: "look for properties of nodes at", signal };
    const answer = await unlessRefused(session.request(request, TranslateBrowsePathsToNodeIdsResponse, options));
    const results = typeof answer === "number" ? [] : (answer.results ?? []);
    for (const index of some.keys()) found.push(targetOf(results[index]));
  }
  return found;
}

function browsePath({ owner, name }: WantedProperty) {
  const targetName = new QualifiedName({ namespaceIndex: 0, name });
  const element = { referenceTypeId: hasProperty, isInverse: false, includeSubtypes: true, targetName };
  return { startingNode: owner, relativePath: { elements: [element] } };
}

function targetOf(result: BrowsePathResult | undefined): NodeId | undefined {
  const target = result === undefined || !isGood(result.statusCode.value) ? undefined : result.targets?.[0]?.targetId;
  return target === undefined || target.serverIndex > 0
    ? undefined
    : new NodeId(target.identifierType, target.value, target.namespace);
}
