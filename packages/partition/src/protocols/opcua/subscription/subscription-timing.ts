// What a subscription is asked for, what the server made of it, and how long each part of it may be silent. Pure.

import type { OpcUaItem, OpcUaServer } from "../configuration/opc-ua-server.ts";

/** Longest that a subscription stays at a server without us, unless our own pauses are longer: a restart takes less. */
const keptForMs = 60_000;
/** OPC 10000-4, 5.14.2: at least three times the keep-alive count. */
const leastLifetimes = 3;
/** What a timer can hold. */
const longestMs = 2 ** 31 - 1;
const largestQueue = 10_000;
const defaultIntervalMs = 1000;

export interface SubscriptionTiming {
  readonly publishingMs: number;
  /** The server says that it is there when it had nothing to send for so many publishing intervals. */
  readonly keepAliveCount: number;
  /** It ends the subscription when we have not asked for anything for so many of them. */
  readonly lifetimeCount: number;
}

/** `groupIntervalMs`: undefined: the server's. */
export function requestedTiming(server: OpcUaServer, groupIntervalMs?: number): SubscriptionTiming {
  const { timeoutMs, retryIntervalMs, subscription } = server;
  const intervalMs = groupIntervalMs ?? server.intervalMs ?? defaultIntervalMs;
  const publishingMs = subscription?.publishingIntervalMs ?? intervalMs;
  // As often as polls would prove that the values are those of now.
  const keepAliveCount = Math.max(1, Math.floor(intervalMs / publishingMs));
  const keptMs = Math.max(keptForMs, 2 * retryIntervalMs + 4 * timeoutMs);
  const lifetimeCount = Math.max(leastLifetimes * keepAliveCount, Math.ceil(keptMs / publishingMs));
  return { publishingMs, keepAliveCount, lifetimeCount };
}

/** What the server says, and what was asked for where that makes no sense. */
export function revisedTiming(
  asked: SubscriptionTiming,
  publishingMs: number,
  keepAliveCount: number,
): SubscriptionTiming {
  return {
    ...asked,
    publishingMs: isSensible(publishingMs) ? publishingMs : asked.publishingMs,
    keepAliveCount: isSensible(keepAliveCount) ? keepAliveCount : asked.keepAliveCount,
  };
}

/** So that several of them, with all else that is waited for, still fit into a timer: three days. */
const longestKeepAliveMs = longestMs / 8;

/** Longest pause between two messages of a server that is well. */
export function keepAliveMs({ publishingMs, keepAliveCount }: SubscriptionTiming): number {
  return Math.min(longestKeepAliveMs, publishingMs * keepAliveCount);
}

export interface ItemTiming {
  readonly samplingMs: number;
  readonly queueSize: number;
}

export function itemTiming(item: OpcUaItem, publishingMs: number): ItemTiming {
  const samplingMs = item.samplingIntervalMs ?? publishingMs;
  // As often as it can: some servers sample every few milliseconds.
  const looks = Math.ceil(publishingMs / Math.max(samplingMs, 5));
  // Twice, because messages come late, too.
  const queueSize = item.queueSize ?? Math.min(largestQueue, looks <= 1 ? 2 : 2 * looks);
  return { samplingMs, queueSize };
}

function isSensible(value: number): boolean {
  return Number.isFinite(value) && value > 0 && value <= longestMs;
}
