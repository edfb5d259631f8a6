// Creates monitored items at the server (OPC 10000-4, 5.13.2), as many in one request as it takes. Each item is judged by itself: one unknown node
// costs nothing but itself. A deadband that the server refuses is left out, and the item is asked for once more without it.

import {
  CreateMonitoredItemsRequest,
  CreateMonitoredItemsResponse,
  DataChangeFilter,
  DataChangeTrigger,
  DeadbandType,
  DeleteMonitoredItemsRequest,
  DeleteMonitoredItemsResponse,
  MonitoringMode,
  TimestampsToReturn,
} from "node-opcua-client";
import type {
  MonitoredItemCreateRequestOptions,
  MonitoredItemCreateResult,
  ReadValueIdOptions,
} from "node-opcua-client";
import { isBad } from "@cpc-partition/image/values/status-code";
import { ServerError } from "../../../sources/server-error.ts";
import type { OpcUaItem } from "../configuration/opc-ua-server.ts";
import { endsSession, statusOf } from "../failure.ts";
import type { ReadSize } from "../read-size.ts";
import type { SecureSession } from "../secure-session.ts";
import type { ClientHandles } from "./client-handles.ts";
import { itemTiming } from "./subscription-timing.ts";

/** The server does not filter this node, or not so (OPC 10000-6, A.2). */
const filterStatuses = new Set([
  0x80430000, // BadMonitoredItemFilterInvalid
  0x80440000, // BadMonitoredItemFilterUnsupported
  0x80450000, // BadFilterNotAllowed
  0x808e0000, // BadDeadbandFilterInvalid
]);
/** The request is too large for one of the two sides. */
const sizeStatuses = new Set([
  0x80080000, // BadEncodingLimitsExceeded
  0x80100000, // BadTooManyOperations
  0x80800000, // BadTcpMessageTooLarge
  0x80b80000, // BadRequestTooLarge
  0x80b90000, // BadResponseTooLarge
]);

export interface WantedItem {
  readonly item: number;
  readonly value: ReadValueIdOptions;
  readonly how: OpcUaItem;
}

/** What became of it. */
export type Made =
  | { readonly itemId: number; readonly samplingMs: number; readonly isUnfiltered: boolean }
  | { readonly status: number };

export interface MonitoredItemsContext {
  readonly session: SecureSession;
  readonly subscriptionId: number;
  readonly handles: ClientHandles;
  readonly publishingMs: number;
  /** How many items in one request; a refused request makes it smaller. */
  readonly size: ReadSize;
}

/** Rejects with a ServerError when the subscription or the session can no longer be relied on. */
export async function createItems(
  context: MonitoredItemsContext,
  wanted: readonly WantedItem[],
  signal: AbortSignal,
  made: (item: number, outcome: Made) => void,
): Promise<void> {
  for (let first = 0; first < wanted.length;) {
    const batch = wanted.slice(first, first + context.size.nodes);
    const results = await createBatch(context, batch, true, signal);
    if (results === undefined) continue;
    const unfiltered: WantedItem[] = [];
    for (const [place, one] of batch.entries()) {
      const outcome = outcomeOf(results[place], false);
      const isFilterRefused = "status" in outcome && filterStatuses.has(outcome.status) && filterOf(one.how) !== null;
      if (isFilterRefused) unfiltered.push(one);
      else made(one.item, outcome);
    }
    const again = unfiltered.length === 0 ? [] : await createBatch(context, unfiltered, false, signal);
    for (const [place, one] of unfiltered.entries()) made(one.item, outcomeOf(again?.[place], true));
    first += batch.length;
  }
}

/** Whoever is not there any more, is gone as well; a server that refuses keeps them, and what they report is not waited for. */
export async function deleteItems(
  { session, subscriptionId, size }: Pick<MonitoredItemsContext, "session" | "subscriptionId" | "size">,
  monitoredItemIds: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  for (let first = 0; first < monitoredItemIds.length; first += size.nodes) {
    const ids = monitoredItemIds.slice(first, first + size.nodes);
    const request = new DeleteMonitoredItemsRequest({ subscriptionId, monitoredItemIds: ids });
    try {
      await session.request(request, DeleteMonitoredItemsResponse, { what: "give up items of", signal });
    } catch (error) {
      const status = error instanceof ServerError ? statusOf(error.cause ?? {})?.value : undefined;
      // The subscription is gone: its owner has to know.
      if (status === undefined || endsSession(status) || status >>> 0 === badSubscriptionIdInvalid) throw error;
    }
  }
}

/** Undefined: it was too much at once, and less will be asked for. */
async function createBatch(
  { session, subscriptionId, handles, publishingMs, size }: MonitoredItemsContext,
  batch: readonly WantedItem[],
  isFiltered: boolean,
  signal: AbortSignal,
): Promise<readonly (MonitoredItemCreateResult | number)[] | undefined> {
  const request = new CreateMonitoredItemsRequest({
    subscriptionId,
    timestampsToReturn: TimestampsToReturn.Source,
    itemsToCreate: batch.map((one) => requestOf(one, handles, publishingMs, isFiltered)),
  });
  try {
    const options = { what: "subscribe to nodes of", signal };
    const { results } = await session.request(request, CreateMonitoredItemsResponse, options);
    const all = session.requireResults(results, batch.length, "subscribe to nodes of");
    size.answered(batch.length);
    return all;
  } catch (error) {
    const status = error instanceof ServerError ? statusOf(error.cause ?? {})?.value : undefined;
    if (status === undefined || endsSession(status) || status === badSubscriptionIdInvalid) throw error;
    if (!sizeStatuses.has(status >>> 0) || batch.length === 1) return batch.map(() => status >>> 0);
    size.refused(batch.length);
    return isFiltered ? undefined : batch.map(() => status >>> 0);
  }
}

export const badSubscriptionIdInvalid = 0x80280000;

function requestOf(
  { item, value, how }: WantedItem,
  handles: ClientHandles,
  publishingMs: number,
  isFiltered: boolean,
): MonitoredItemCreateRequestOptions {
  const { samplingMs, queueSize } = itemTiming(how, publishingMs);
  return {
    itemToMonitor: value,
    monitoringMode: MonitoringMode.Reporting,
    requestedParameters: {
      clientHandle: handles.handleOf(item),
      samplingInterval: samplingMs,
      filter: isFiltered ? filterOf(how) : null,
      queueSize,
      discardOldest: true,
    },
  };
}

/** Null: what servers do without one. */
function filterOf({ deadband, trigger }: OpcUaItem): DataChangeFilter | null {
  if (deadband.value === 0 && trigger === "StatusValue") return null;
  return new DataChangeFilter({
    trigger: DataChangeTrigger[trigger === "StatusValueTimestamp" ? "StatusValueTimestamp" : trigger],
    deadbandType: deadband.value === 0 ? DeadbandType.None : DeadbandType[deadband.kind],
    deadbandValue: deadband.value,
  });
}

function outcomeOf(result: MonitoredItemCreateResult | number | undefined, isUnfiltered: boolean): Made {
  if (result === undefined || typeof result === "number") return { status: result ?? 0x80000000 };
  const status = result.statusCode.value >>> 0;
  if (isBad(status)) return { status };
  return { itemId: result.monitoredItemId, samplingMs: result.revisedSamplingInterval, isUnfiltered };
}
