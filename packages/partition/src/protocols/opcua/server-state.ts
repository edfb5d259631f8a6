// Whether a server stands by its values. One that is suspended, shuts down or is being tested goes on answering, often with the
// last values it had and with good status codes: nothing but its state tells.

import { AttributeIds, NodeId, ServerState } from "node-opcua-client";
import type { DataValue } from "node-opcua-client";
import { ServerError } from "../../sources/server-error.ts";
import { isBad } from "@cpc-partition/image/values/status-code";

/** OPC 10000-6, A.1: Server_ServerStatus_State. */
export const serverStateNode = {
  nodeId: new NodeId(NodeId.NodeIdType.NUMERIC, 2259, 0),
  attributeId: AttributeIds.Value,
};

/** Server_ServerStatus_CurrentTime: it moves as long as the server looks at its nodes. */
export const serverClockNode = {
  nodeId: new NodeId(NodeId.NodeIdType.NUMERIC, 2258, 0),
  attributeId: AttributeIds.Value,
};

/** OPC 10000-5, 12.6. With a communication fault the values' own status codes tell which of them are to be had. */
const statesWithValues: ReadonlySet<number> = new Set([ServerState.Running, ServerState.CommunicationFault]);

/**
 * Throws a ServerError (ServiceFault) that names the state, unless the server runs. One that was not asked, does not have the
 * node or refuses it counts as running.
 */
export function requireRunning(
  state: DataValue | undefined,
  server: { readonly alias: string; readonly endpointUrl: string },
): void {
  if (state === undefined || isBad(state.statusCode.value)) return;
  const number: unknown = state.value.value;
  if (typeof number !== "number" || statesWithValues.has(number)) return;
  const name = ServerState[number] ?? `in the unknown state ${number}`;
  throw new ServerError(
    "ServiceFault",
    server.alias,
    `cannot read from ${server.endpointUrl} because the server says that it is ${name}: its values are not taken`,
  );
}
