// The references of nodes, page by page: Browse and BrowseNext (OPC 10000-4, 5.9.2 and 5.9.3).
//
// Promises: what the server refuses of one node costs only that node. A server that takes fewer nodes in one request, or keeps fewer places to continue at, is asked for fewer.
// One that goes on giving pages with nothing new is left after so many: a page may be empty by the standard, and a hostile server has no last one.

import {
  BrowseDirection,
  BrowseNextRequest,
  BrowseNextResponse,
  BrowseRequest,
  BrowseResponse,
  NodeId,
} from "node-opcua-client";
import type { BrowseResult, ReferenceDescription } from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import type { ReadSize } from "../read-size.ts";
import type { SecureSession } from "../secure-session.ts";
import { unlessRefused } from "../subscription/server-subscription.ts";

/** OPC 10000-6, A.1. */
const hierarchicalReferences = new NodeId(NodeId.NodeIdType.NUMERIC, 33, 0);
/** NodeClass (OPC 10000-3, 8.29). */
export const objectClass = 1;
export const variableClass = 2;
/** ResultMask: everything but the type definition's name (OPC 10000-4, 7.5). */
const resultMask = 63;
/** References in a page where all of them together are too large. */
const firstPage = 1000;
const badNoContinuationPoints = 0x804b0000;
/** The request is too large for one of the two sides (OPC 10000-6, A.2). */
const sizeStatuses = new Set([
  0x80080000, // BadEncodingLimitsExceeded
  0x80100000, // BadTooManyOperations
  0x80800000, // BadTcpMessageTooLarge
  0x80b80000, // BadRequestTooLarge
  0x80b90000, // BadResponseTooLarge
]);

export interface ReferenceVisitor {
  /** True when the reference led to something new. */
  visit(node: number, reference: ReferenceDescription): boolean;
  /** The server does not tell the references of this node, or the rest of them. */
  refused(node: number, status: number): void;
  /** Further pages of this node are not asked for. */
  endless(node: number): void;
  /** An answer came. False: nothing more is wanted. */
  wantsMore(): boolean;
}

export interface BrowsingLimits {
  /** How many nodes in one request; a refused request makes it smaller. */
  readonly size: ReadSize;
  /** In one page; 0: as many as the server likes. A response that is too large makes it smaller. */
  references: number;
  /** Requests for further pages that may bring nothing new; counts down. */
  fruitless: number;
}

interface OpenPage {
  readonly node: number;
  readonly point: Buffer;
}

/** Rejects with a ServerError when the session can no longer be relied on. */
export async function visitReferences(
  session: SecureSession,
  nodes: readonly NodeId[],
  limits: BrowsingLimits,
  signal: AbortSignal,
  visitor: ReferenceVisitor,
): Promise<void> {
  const { size } = limits;
  for (let waiting = [...nodes.keys()]; waiting.length > 0 && visitor.wantsMore();) {
    const asked = waiting.slice(0, size.nodes);
    const answer = await unlessRefused(
      session.request(
        browseRequest(
          asked.map((node) => nodes[node] ?? NodeId.nullNodeId),
          limits,
        ),
        BrowseResponse,
        {
          what: "browse",
          signal,
        },
      ),
    );
    if (typeof answer === "number" && sizeStatuses.has(answer) && isLess(limits, asked.length)) continue;
    waiting = waiting.slice(asked.length);
    if (typeof answer === "number") {
      for (const node of asked) visitor.refused(node, answer);
      continue;
    }
    const postponed: number[] = [];
    const results = session.requireResults(answer.results, asked.length, "browse");
    let open = take(results, asked, visitor, (node, status) => {
      if (status === badNoContinuationPoints && asked.length > 1) postponed.push(node);
      else visitor.refused(node, status);
    }).open;
    if (postponed.length > 0) size.refused(asked.length);
    waiting.push(...postponed);
    while (open.length > 0 && visitor.wantsMore()) open = await nextPages(session, open, limits, signal, visitor);
  }
}

/** Makes the next request smaller; false when there is no smaller one. */
function isLess(limits: BrowsingLimits, asked: number): boolean {
  if (asked > 1) limits.size.refused(asked);
  else if (limits.references === 0) limits.references = firstPage;
  else limits.references = Math.floor(limits.references / 10);
  return asked > 1 || limits.references > 0;
}

function browseRequest(nodes: readonly NodeId[], { references }: BrowsingLimits): BrowseRequest {
  return new BrowseRequest({
    requestedMaxReferencesPerNode: references,
    nodesToBrowse: nodes.map((nodeId) => ({
      nodeId,
      browseDirection: BrowseDirection.Forward,
      referenceTypeId: hierarchicalReferences,
      includeSubtypes: true,
      nodeClassMask: objectClass | variableClass,
      resultMask,
    })),
  });
}

async function nextPages(
  session: SecureSession,
  open: readonly OpenPage[],
  limits: BrowsingLimits,
  signal: AbortSignal,
  visitor: ReferenceVisitor,
): Promise<readonly OpenPage[]> {
  const nodes = open.map(({ node }) => node);
  if (limits.fruitless <= 0) {
    for (const node of nodes) visitor.endless(node);
    return [];
  }
  const request = new BrowseNextRequest({
    releaseContinuationPoints: false,
    continuationPoints: open.map(({ point }) => point),
  });
  const answer = await unlessRefused(session.request(request, BrowseNextResponse, { what: "browse", signal }));
  if (typeof answer === "number") {
    for (const node of nodes) visitor.refused(node, answer);
    return [];
  }
  const results = session.requireResults(answer.results, open.length, "browse");
  const pages = take(results, nodes, visitor, (node, status) => visitor.refused(node, status));
  if (!pages.isFruitful) limits.fruitless--;
  return pages.open;
}

function take(
  results: readonly BrowseResult[],
  nodes: readonly number[],
  visitor: ReferenceVisitor,
  refused: (node: number, status: number) => void,
): { readonly open: readonly OpenPage[]; readonly isFruitful: boolean } {
  const open: OpenPage[] = [];
  let isFruitful = false;
  for (const [at, { statusCode, references, continuationPoint: point }] of results.entries()) {
    const node = nodes[at] ?? 0;
    if (isBad(statusCode.value)) {
      refused(node, statusCode.value >>> 0);
      continue;
    }
    for (const reference of references ?? []) if (visitor.visit(node, reference)) isFruitful = true;
    if (point !== null && point !== undefined && point.length > 0) open.push({ node, point });
  }
  return { open, isFruitful };
}
