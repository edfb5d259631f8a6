// What an image tells about the health of its service, as plain data: the same for people, for JSON and for an exit code.

import { bucketEndUs } from "./duration-histogram.ts";
import type { FailureKind } from "./failure-kind.ts";
import type { GroupSnapshot } from "./group-snapshot.ts";
import type { ImageReader } from "./image-reader.ts";
import { ConnectionState, durationBuckets, serverCounters, type GroupCounter } from "./layout.ts";
import type { OpenedImage, SeenImage } from "./opened-image.ts";
import { qualityOf, type PointQuality } from "./point-quality.ts";
import type { ServiceName } from "./service-name.ts";
import { isHeartbeatOld } from "./usable-value.ts";

export interface ServiceHealth {
  readonly service: string;
  readonly image: string;
  /** A process holds the image's lock, and the publish clock ticks. */
  readonly isAlive: boolean;
  /**
   * "missing": a partition that runs runs this service, too, and has no image for it; "starting": that partition began a moment ago. Neither
   * says anything of servers and points.
   */
  readonly imageState: "present" | "starting" | "missing";
  /**
   * Left by a run that is over, while the present one does without this service (it is not configured any more): says nothing about the
   * present.
   */
  readonly isOfEndedRun: boolean;
  /** Null: there is no image. Negative: the wall clock was set back since, and nobody has beaten after that. */
  readonly heartbeatAgeMs: number | null;
  /** Without an image: when the partition began that should have one. */
  readonly startedAt: string;
  /** How often somebody removed the image, and it came back. */
  readonly objectsRestored: number;
  readonly ticksMissed: number;
  /** That read the servers; null: the writer does not tell. */
  readonly threads: number | null;
  readonly servers: readonly ServerHealth[];
}

/** While nobody keeps the image up to date every point is bad, for its value is nobody's. */
export interface ServerHealth extends PointQuality {
  readonly server: string;
  /** "unknown": nobody keeps the image up to date. */
  readonly state: keyof typeof ConnectionState | "unknown";
  /** When `state` became what it is; of an image that nobody keeps up to date: its last heartbeat. */
  readonly stateSince: string;
  /** Of the group of points that is the most behind: of a server with one group, at which it is read. */
  readonly intervalMs: number;
  readonly cycle: number;
  /** Milliseconds since the last poll of that group that the server answered; null before the first. */
  readonly lastGoodAgeMs: number | null;
  readonly pollMs: PollDurations | null;
  readonly reconnects: number;
  readonly overruns: number;
  /** The most that one request asks for, as the server's refusals have taught; null: it has refused no length. */
  readonly requestLimit: number | null;
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>;
  readonly lastError: string;
  readonly lastErrorAt: string | null;
  /** Of the certificate that the server shows, and of the one that it is shown; negative: expired. */
  readonly certificateDaysLeft: number | null;
  readonly ownCertificateDaysLeft: number | null;
  /** As it is configured; null: the protocol does not say. */
  readonly isInsecure: boolean | null;
}

/** From a histogram with buckets of a quarter of an octave: each figure is the upper bound of its bucket, up to 19 % too much. */
export interface PollDurations {
  readonly min: number;
  readonly median: number;
  readonly p99: number;
  readonly max: number;
}

const stateNames = Object.fromEntries(Object.entries(ConnectionState).map(([name, state]) => [state, name])) as Record<
  ConnectionState,
  ServerHealth["state"]
>;
const failureCounters = serverCounters
  .filter((counter) => counter.startsWith("failed"))
  .map((counter) => [counter, counter.slice("failed".length)] as const);
const nsPerDay = 86_400_000_000_000n;

/** What can be read about one service. */
export interface ObservedImage extends SeenImage {
  readonly name: string;
}

export function observedImages(opened: readonly OpenedImage[]): readonly ObservedImage[] {
  return opened.flatMap((one) => {
    const seen = one.look();
    return seen === undefined ? [] : [{ name: one.name, ...seen }];
  });
}

/** An image that a partition should have, and has not. */
export interface MissingImage {
  readonly service: ServiceName;
  /** When that partition began. */
  readonly startedNs: bigint;
  readonly isStarting: boolean;
}

/** The threads of a partition make their images within seconds of each other, with a million points within half a minute. */
const startLimitMs = 30_000;

/**
 * What images that are kept up to date say should be there. One that a run before has left is not what is looked for. Who keeps none up to date
 * says nothing.
 */
export function missingImages(observed: readonly ObservedImage[], nowMs: number): readonly MissingImage[] {
  const alive = observed.filter((one) => isKeptUp(one, nowMs));
  const expected = new Map<ServiceName, bigint>();
  for (const { image } of alive) for (const service of image.services) expected.set(service, image.startedNs);
  const isThere = (service: ServiceName, startedNs: bigint): boolean =>
    observed.some(
      (one) => one.image.service === service && (alive.includes(one) || one.image.heartbeatNs >= startedNs),
    );
  return Array.from(expected).flatMap(([service, startedNs]) => {
    if (isThere(service, startedNs)) return [];
    const sinceMs = nowMs - Number(startedNs / 1_000_000n);
    return [{ service, startedNs, isStarting: sinceMs >= 0 && sinceMs < startLimitMs }];
  });
}

function isKeptUp({ image, hasWriter }: ObservedImage, nowMs: number): boolean {
  return hasWriter && !image.isRetired && !isHeartbeatOld(image, nowMs);
}

/**
 * The health of each service whose image is there, or should be. They are judged together: what is of an ended run, and what is missing, the
 * others show.
 */
export function healthOf(
  observed: readonly ObservedImage[],
  nowMs: number,
  prefix: string = "",
): readonly ServiceHealth[] {
  const starts = observed.filter(({ hasWriter }) => hasWriter).map(({ image }) => image.startedNs);
  const missing = missingImages(observed, nowMs);
  return [
    ...observed
      .filter(({ image }) => missing.every(({ service }) => service !== image.service))
      .map((one) => serviceHealth(one, isOfEndedRun(one, starts), nowMs)),
    ...missing.map((one) => healthWithoutImage(one, prefix)),
  ];
}

/** `starts`: of the services that run. One that was killed in a run that has not ended is a failure and no past. */
function isOfEndedRun({ image, hasWriter }: ObservedImage, starts: readonly bigint[]): boolean {
  if (hasWriter || starts.length === 0) return false;
  return image.isRetired || starts.every((startedNs) => image.heartbeatNs < startedNs);
}

function healthWithoutImage({ service, startedNs, isStarting }: MissingImage, prefix: string): ServiceHealth {
  return {
    service,
    image: `${prefix}${service}_image`,
    isAlive: false,
    imageState: isStarting ? "starting" : "missing",
    isOfEndedRun: false,
    heartbeatAgeMs: null,
    startedAt: isoOf(startedNs),
    objectsRestored: 0,
    ticksMissed: 0,
    threads: null,
    servers: [],
  };
}

function serviceHealth(one: ObservedImage, isEnded: boolean, nowMs: number): ServiceHealth {
  const { name, image } = one;
  const nowNs = BigInt(nowMs) * 1_000_000n;
  const isAlive = isKeptUp(one, nowMs);
  return {
    service: image.service,
    image: name,
    isAlive,
    imageState: "present",
    isOfEndedRun: isEnded,
    heartbeatAgeMs: Number((nowNs - image.heartbeatNs) / 1_000_000n),
    startedAt: isoOf(image.startedNs),
    objectsRestored: Number(image.serviceCount("objectsRestored")),
    ticksMissed: Number(image.serviceCount("ticksMissed")),
    threads: Number(image.serviceCount("threads")) || null,
    servers: image.directory.servers.flatMap((_, index) => serverHealth(image, index, isAlive, nowNs)),
  };
}

/** A program that looks again and again copies each group into the same memory. */
const copiesOfImages = new WeakMap<ImageReader, GroupSnapshot[]>();

function copiesOf(image: ImageReader): GroupSnapshot[] {
  const copies = copiesOfImages.get(image) ?? [];
  copiesOfImages.set(image, copies);
  return copies;
}

function serverHealth(image: ImageReader, index: number, isAlive: boolean, nowNs: bigint): readonly ServerHealth[] {
  const server = image.directory.servers[index];
  const state = image.serverState(index);
  if (server === undefined || state === undefined) return [];
  const copies = copiesOf(image);
  const banks = server.groups.map(({ index: group }) => (copies[group] ??= image.reusableSnapshot(group)));
  if (!banks.every((bank) => bank.refresh())) return [];
  const { changedNs, error, errorNs, certificateEndsNs, ownCertificateEndsNs, requestLimit } = state;
  const polls = banks.map((bank) => bank.state);
  const behind = mostBehind(banks, nowNs);
  const points = server.groups.reduce((sum, group) => sum + group.points.length, 0);
  const failures = failureCounters
    .map(([counter, kind]) => [kind, Number(image.serverCount(index, counter))] as const)
    .filter(([, count]) => count > 0);
  const sum = (counter: GroupCounter): number =>
    server.groups.reduce((total, group) => total + Number(image.groupCount(group.index, counter)), 0);
  return [
    {
      server: server.alias,
      // What the image says of a connection was true as long as somebody kept it up to date.
      state: isAlive ? stateNames[state.connection] : "unknown",
      stateSince: isoOf(isAlive ? changedNs || image.startedNs : image.heartbeatNs),
      ...(isAlive ? qualityOf(banks) : { points, pointsBad: points, pointsUncertain: 0, statuses: {} }),
      intervalMs: behind?.group.intervalMs ?? 0,
      cycle: polls.reduce((most, { cycle }) => Math.max(most, Number(cycle)), 0),
      lastGoodAgeMs: behind === undefined ? null : ageOf(behind, nowNs),
      pollMs: pollDurations(added(server.groups.map((group) => image.histogram(group.index, "pollDuration")))),
      reconnects: Math.max(0, Number(image.serverCount(index, "connects")) - 1),
      overruns: sum("overruns"),
      requestLimit: requestLimit || null,
      failures: Object.fromEntries(failures),
      lastError: error,
      lastErrorAt: errorNs === 0n ? null : isoOf(errorNs),
      certificateDaysLeft: daysLeft(certificateEndsNs, nowNs),
      ownCertificateDaysLeft: daysLeft(ownCertificateEndsNs, nowNs),
      isInsecure: server.isInsecure ?? null,
    },
  ];
}

/** A group is old by its own interval: an hourly one is not behind where one of 100 ms is. */
function mostBehind(banks: readonly GroupSnapshot[], nowNs: bigint): GroupSnapshot | undefined {
  const delay = (bank: GroupSnapshot): number => (ageOf(bank, nowNs) ?? 0) / Math.max(1, bank.group.intervalMs);
  return banks.reduce<GroupSnapshot | undefined>(
    (most, bank) => (most === undefined || delay(bank) > delay(most) ? bank : most),
    undefined,
  );
}

function ageOf(bank: GroupSnapshot, nowNs: bigint): number | null {
  const { lastGoodNs } = bank.state;
  return lastGoodNs === 0n ? null : ageMs(lastGoodNs, nowNs);
}

function added(histograms: readonly Uint32Array[]): Uint32Array {
  const [first = new Uint32Array(durationBuckets), ...others] = histograms;
  for (const one of others) for (const [bucket, count] of one.entries()) first[bucket] = (first[bucket] ?? 0) + count;
  return first;
}

/** `buckets[i]` counts durations up to 2^((i+1)/4) us. Undefined before the first poll: null. */
export function pollDurations(buckets: Uint32Array): PollDurations | null {
  let total = 0;
  for (const count of buckets) total += count;
  if (total === 0) return null;
  const boundMs = (rank: number): number => {
    let bucket = 0;
    for (let seen = buckets[0] ?? 0; seen < rank; seen += buckets[bucket] ?? 0) bucket++;
    return Math.round(bucketEndUs(bucket)) / 1000;
  };
  return {
    min: boundMs(1),
    median: boundMs(Math.ceil(total / 2)),
    p99: boundMs(Math.ceil(total * 0.99)),
    max: boundMs(total),
  };
}

function daysLeft(endsNs: bigint, nowNs: bigint): number | null {
  return endsNs === 0n ? null : Math.floor(Number(endsNs - nowNs) / Number(nsPerDay));
}

function ageMs(ns: bigint, nowNs: bigint): number {
  return Math.max(0, Number((nowNs - ns) / 1_000_000n));
}

function isoOf(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
