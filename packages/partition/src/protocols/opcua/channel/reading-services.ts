// The allow-list of OPC UA: of the services of OPC 10000-4 only those that connect, browse and read ever leave. All requests of a
// session, also those that node-opcua makes by itself, go through one function of its secure channel, and that one is guarded
// here. OpenSecureChannel and CloseSecureChannel, which the channel itself sends, do not go through it.

import {
  ActivateSessionRequest,
  BrowseNextRequest,
  BrowseRequest,
  CloseSessionRequest,
  CreateSessionRequest,
  GetEndpointsRequest,
  ReadRequest,
  TranslateBrowsePathsToNodeIdsRequest,
} from "node-opcua-client";
import type { ClientSecureChannelLayer } from "node-opcua-client";

/** By class and not by name: a class says what goes onto the wire, and nobody can borrow it. */
const allowedRequests: ReadonlySet<unknown> = new Set([
  GetEndpointsRequest, // 5.5.4
  CreateSessionRequest, // 5.7.2
  ActivateSessionRequest, // 5.7.3
  CloseSessionRequest, // 5.7.4
  BrowseRequest, // 5.9.2
  BrowseNextRequest, // 5.9.3
  TranslateBrowsePathsToNodeIdsRequest, // 5.9.4
  ReadRequest, // 5.11.2
]);

/** A request that would do more than read. It was not sent. */
export class ServiceNotAllowedError extends Error {
  override readonly name = "ServiceNotAllowedError";
  readonly code = "ServiceNotAllowed";
}

/** To be called once for every channel, before it is opened. Every other request is answered with a ServiceNotAllowedError. */
export function allowOnlyReading(channel: ClientSecureChannelLayer): void {
  const send = channel.performMessageTransaction.bind(channel);
  channel.performMessageTransaction = (request, callback) => {
    if (allowedRequests.has(request.constructor)) {
      send(request, callback);
      return;
    }
    callback(new ServiceNotAllowedError(`cannot send ${request.constructor.name} because only reading is allowed`));
  };
}
