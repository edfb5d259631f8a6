// The allow-list of OPC UA: of the services of OPC 10000-4 only those that connect, browse, read and subscribe ever leave. All requests of a
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
  CreateMonitoredItemsRequest,
  CreateMonitoredItemsResponse,
  CreateSessionRequest,
  CreateSessionResponse,
  CreateSubscriptionRequest,
  CreateSubscriptionResponse,
  DeleteMonitoredItemsRequest,
  DeleteMonitoredItemsResponse,
  DeleteSubscriptionsRequest,
  DeleteSubscriptionsResponse,
  GetEndpointsRequest,
  GetEndpointsResponse,
  PublishRequest,
  ReadRequest,
  ReadResponse,
  RepublishRequest,
  TransferSubscriptionsRequest,
  TransferSubscriptionsResponse,
  TranslateBrowsePathsToNodeIdsRequest,
  TranslateBrowsePathsToNodeIdsResponse,
} from "node-opcua-client";
import type { ClientSecureChannelLayer, ServiceFault } from "node-opcua-client";
import { PublishResults, RepublishResults } from "./notification-results.ts";
import { ReadResults } from "./read-results.ts";
import { RepeatedRead } from "./repeated-read.ts";

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
  [RepeatedRead, ReadResults], // the same, encoded once and decoded in place
  // A subscription changes nothing at the server but what it keeps for this session, and its values are read like any other.
  [CreateMonitoredItemsRequest, CreateMonitoredItemsResponse], // 5.13.2: which nodes the server is to look at, and how often
  [DeleteMonitoredItemsRequest, DeleteMonitoredItemsResponse], // 5.13.6: an item that never reports gives its place back
  [CreateSubscriptionRequest, CreateSubscriptionResponse], // 5.14.2
  [PublishRequest, PublishResults], // 5.14.5: what the next changes are the answer to
  [RepublishRequest, RepublishResults], // 5.14.6: a message that was lost comes again
  [TransferSubscriptionsRequest, TransferSubscriptionsResponse], // 5.14.7: what changed while the connection was lost is not
  [DeleteSubscriptionsRequest, DeleteSubscriptionsResponse], // 5.14.8: nothing of ours is left at the server
]);

export type DecodableResponse = ServiceFault;

export interface ResponseClass {
  new (): DecodableResponse;
  /** The type of its binary encoding. */
  readonly encodingDefaultBinary: { readonly value: unknown };
}

/** A request that would do more than read and subscribe. It was not sent. */
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
