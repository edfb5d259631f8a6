// The allow-list of OPC UA: of the services of OPC 10000-4 only those that connect, browse and read ever leave. All requests of a
// session, also those that node-opcua makes by itself, go through one function of its secure channel, and that one is guarded
// here. OpenSecureChannel and CloseSecureChannel, which the channel itself sends, do not go through it.

import {
  ActivateSessionRequest,
  ActivateSessionResponse,
  BrowseNextRequest,
  BrowseNextResponse,
  BrowseRequest,
  BrowseResponse,
  CloseSessionRequest,
  CloseSessionResponse,
  CreateSessionRequest,
  CreateSessionResponse,
  GetEndpointsRequest,
  GetEndpointsResponse,
  ReadRequest,
  ReadResponse,
  TranslateBrowsePathsToNodeIdsRequest,
  TranslateBrowsePathsToNodeIdsResponse,
} from "node-opcua-client";
import type { ClientSecureChannelLayer, ServiceFault } from "node-opcua-client";

/** What is asked, and what answers it. By class and not by name: a class says what goes onto the wire, and nobody can borrow it. */
export const readingServices: ReadonlyMap<unknown, ResponseClass> = new Map<unknown, ResponseClass>([
  [GetEndpointsRequest, GetEndpointsResponse], // 5.5.4
  [CreateSessionRequest, CreateSessionResponse], // 5.7.2
  [ActivateSessionRequest, ActivateSessionResponse], // 5.7.3
  [CloseSessionRequest, CloseSessionResponse], // 5.7.4
  [BrowseRequest, BrowseResponse], // 5.9.2
  [BrowseNextRequest, BrowseNextResponse], // 5.9.3
  [TranslateBrowsePathsToNodeIdsRequest, TranslateBrowsePathsToNodeIdsResponse], // 5.9.4
  [ReadRequest, ReadResponse], // 5.11.2
]);

export type DecodableResponse = ServiceFault;

export interface ResponseClass {
  new (): DecodableResponse;
  /** The type of its binary encoding. */
  readonly encodingDefaultBinary: { readonly value: unknown };
}

/** A request that would do more than read. It was not sent. */
export class ServiceNotAllowedError extends Error {
  override readonly name = "ServiceNotAllowedError";
  readonly code = "ServiceNotAllowed";
}

/** To be called once for every channel, before it is opened. Every other request is answered with a ServiceNotAllowedError. */
export function allowOnlyReading(channel: ClientSecureChannelLayer): void {
  const send = channel.performMessageTransaction.bind(channel);
  channel.performMessageTransaction = (request, callback) => {
    if (readingServices.has(request.constructor)) {
      send(request, callback);
      return;
    }
    callback(new ServiceNotAllowedError(`cannot send ${request.constructor.name} because only reading is allowed`));
  };
}
