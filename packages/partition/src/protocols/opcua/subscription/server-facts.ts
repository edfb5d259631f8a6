// What a server states about itself before anything is subscribed to there, at the start of each session.

import { AttributeIds, NodeId, TimestampsToReturn } from "node-opcua-client";
import type { DataValue } from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import { EncodedNodes } from "../channel/repeated-read.ts";
import type { SecureSession } from "../secure-session.ts";

/** OPC 10000-6, A.1: OperationLimits.MaxMonitoredItemsPerCall and Server_ServerStatus_StartTime. */
const itemLimitNode = { nodeId: new NodeId(NodeId.NodeIdType.NUMERIC, 11_714, 0), attributeId: AttributeIds.Value };
const startTimeNode = { nodeId: new NodeId(NodeId.NodeIdType.NUMERIC, 2257, 0), attributeId: AttributeIds.Value };

export interface ServerFacts {
  /** Of items in one request; 0: it names none. */
  readonly itemLimit: number;
  /** The server's wall clock; null: it does not tell. */
  readonly startMs: number | null;
}

export async function readServerFacts(session: SecureSession, signal: AbortSignal): Promise<ServerFacts> {
  const request = new EncodedNodes([itemLimitNode, startTimeNode]).request(TimestampsToReturn.Neither, 0, 2);
  const results = await session.read(request, signal);
  const [limit, start] = [results.at(0), results.at(1)].map(contentOf);
  return {
    itemLimit: typeof limit === "number" ? limit : 0,
    startMs: start instanceof Date ? start.getTime() : null,
  };
}

function contentOf({ statusCode, value }: DataValue): unknown {
  return isBad(statusCode.value) ? undefined : value.value;
}
