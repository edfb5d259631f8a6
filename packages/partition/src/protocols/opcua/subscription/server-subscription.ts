// One subscription at the server, from its making to its end: made anew, or taken over from the session before (OPC 10000-4, 5.14.2, 5.14.6 to
// 5.14.8). What is in it, subscribed-group.ts says.

import {
  CreateSubscriptionRequest,
  CreateSubscriptionResponse,
  DeleteSubscriptionsRequest,
  DeleteSubscriptionsResponse,
  RepublishRequest,
  TransferSubscriptionsRequest,
  TransferSubscriptionsResponse,
} from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import { statusName } from "@cpc-partition/image/values/status-name";
import { ServerError } from "../../../sources/server-error.ts";
import { RepublishResults, type NotificationResults } from "../channel/notification-results.ts";
import { endsSession, statusOf } from "../failure.ts";
import type { SecureSession } from "../secure-session.ts";
import { ClientHandles } from "./client-handles.ts";
import type { RememberedSubscription } from "./subscription-memory.ts";
import { requestedTiming, revisedTiming, type SubscriptionTiming } from "./subscription-timing.ts";

export interface ServerSubscription {
  readonly id: number;
  readonly handles: ClientHandles;
  readonly timing: SubscriptionTiming;
}

export interface TransferredSubscription extends ServerSubscription {
  /** Numbers of the messages that the server keeps because nobody has acknowledged them. */
  readonly kept: readonly number[];
}

/** A message of all items at once could be more than is decoded of one; the server sends the rest in the next. */
export const mostValuesInMessage = 1000;

/** `intervalMs`: of the group; undefined: the server's. */
export async function createSubscription(
  session: SecureSession,
  intervalMs: number | undefined,
  handles: ClientHandles,
  signal: AbortSignal,
): Promise<ServerSubscription> {
  const asked = requestedTiming(session.server, intervalMs);
  const request = new CreateSubscriptionRequest({
    requestedPublishingInterval: asked.publishingMs,
    requestedLifetimeCount: asked.lifetimeCount,
    requestedMaxKeepAliveCount: asked.keepAliveCount,
    maxNotificationsPerPublish: mostValuesInMessage,
    publishingEnabled: true,
  });
  const response = await session.request(request, CreateSubscriptionResponse, { what: "subscribe at", signal });
  const { subscriptionId: id, revisedPublishingInterval, revisedMaxKeepAliveCount } = response;
  return { id, handles, timing: revisedTiming(asked, revisedPublishingInterval, revisedMaxKeepAliveCount) };
}

/** The reason when the server does not give it. Its first messages have the values of all its items. */
export async function takeOver(
  session: SecureSession,
  intervalMs: number | undefined,
  remembered: RememberedSubscription,
  signal: AbortSignal,
): Promise<TransferredSubscription | string> {
  const { id, publishingMs, keepAliveCount, firstHandle, items } = remembered;
  const request = new TransferSubscriptionsRequest({ subscriptionIds: [id], sendInitialValues: true });
  const options = { what: "take over a subscription of", signal };
  const response = await unlessRefused(session.request(request, TransferSubscriptionsResponse, options));
  if (typeof response === "number") return statusName(response);
  const [result] = response.results ?? [];
  if (result === undefined) return "no answer";
  if (isBad(result.statusCode.value)) return statusName(result.statusCode.value);
  const timing = revisedTiming(requestedTiming(session.server, intervalMs), publishingMs, keepAliveCount);
  const handles = new ClientHandles(firstHandle, items);
  return { id, handles, timing, kept: [...(result.availableSequenceNumbers ?? [])] };
}

/** Undefined: the server does not have it any more, or sends another. */
export async function republish(
  session: SecureSession,
  subscriptionId: number,
  retransmitSequenceNumber: number,
  signal: AbortSignal,
): Promise<NotificationResults | undefined> {
  const request = new RepublishRequest({ subscriptionId, retransmitSequenceNumber });
  const options = { what: "receive a message again from", signal };
  const response = await unlessRefused(session.request(request, RepublishResults, options));
  if (typeof response === "number") return undefined;
  const { notificationMessage } = response;
  return notificationMessage.sequenceNumber === retransmitSequenceNumber ? notificationMessage : undefined;
}

/** As far as the server still has it. */
export async function deleteSubscription(session: SecureSession, id: number, signal: AbortSignal): Promise<void> {
  const request = new DeleteSubscriptionsRequest({ subscriptionIds: [id] });
  const options = { what: "give up a subscription of", signal };
  await unlessRefused(session.request(request, DeleteSubscriptionsResponse, options));
}

/** The status with which the server refuses; what ends the session is thrown. */
export async function unlessRefused<T>(answer: Promise<T>): Promise<T | number> {
  try {
    return await answer;
  } catch (error) {
    const status = error instanceof ServerError ? statusOf(error.cause ?? {})?.value : undefined;
    if (status === undefined || endsSession(status)) throw error;
    return status >>> 0;
  }
}
