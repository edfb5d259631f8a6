// The numbers that node-opcua holds in shapes of its own: 64-bit integers as two halves, DateTime as a Date with a remainder.

import type { Timestamp } from "@cpc-partition/image/values/timestamp";

/** Milliseconds from 1601-01-01 to 1970-01-01. */
export const unixEpochMs = 11_644_473_600_000;

/** Of 100 ns (OPC 10000-6, 5.2.2.5). */
export const ticksPerMs = 10_000;

/** node-opcua's [high, low], both unsigned whatever the type is. */
export function sixtyFourBits(pair: unknown, signed: boolean): bigint {
  const [high, low] = pair as readonly [number, number];
  const value = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return signed ? BigInt.asIntN(64, value) : value;
}

/**
 * 100 ns ticks since 1601 (OPC 10000-6, 5.2.2.5). What a Date cannot hold hangs on it as `picoseconds`, or comes beside it.
 * node-opcua reads the ticks as an unsigned number; taking 64 bits gives instants before 1601 their sign back.
 */
export function dateToTicks(date: Date, picoseconds = (date as { picoseconds?: number }).picoseconds ?? 0): bigint {
  const wholeMs = BigInt(date.getTime() + unixEpochMs);
  return BigInt.asIntN(64, wholeMs * 10_000n + BigInt(Math.floor(picoseconds / 100_000)));
}

/** 9999-12-31T23:59:59Z: from here on the standard's text means "as late as can be". */
const lastTick = BigInt(Date.UTC(9999, 11, 31, 23, 59, 59) + unixEpochMs) * 10_000n;

/** OPC 10000-6, 5.4.2.6. Tick 0 and below is the earliest instant, which the encoding writes as year 1. */
export function ticksToText(ticks: bigint): string {
  if (ticks <= 0n) return "0001-01-01T00:00:00Z";
  if (ticks >= lastTick) return "9999-12-31T23:59:59Z";
  const seconds = new Date(Number(ticks / 10_000n) - unixEpochMs).toISOString().slice(0, 19);
  const fraction = (ticks % 10_000_000n).toString().padStart(7, "0").replace(/0+$/, "");
  return fraction === "" ? `${seconds}Z` : `${seconds}.${fraction}Z`;
}

/** Nanoseconds since 1970 have 64 bits in the image: years 1677 to 2262. */
const mostUnixMs = 9_223_372_036_853;

/** False for what is no instant of a plant, and for what the image cannot hold. */
export function isSensibleMs(unixMs: number): boolean {
  return unixMs > -unixEpochMs && unixMs >= -mostUnixMs && unixMs <= mostUnixMs;
}

/** A source timestamp, or undefined where there is none, or one that is no sensible instant. */
export function timestampOf(date: Date | null | undefined, picoseconds: number): Timestamp | undefined {
  if (date === null || date === undefined) return undefined;
  const unixMs = date.getTime();
  if (!isSensibleMs(unixMs)) return undefined;
  return { unixMs, subMsNs: Math.min(999_999, Math.floor(picoseconds / 1000)) };
}
