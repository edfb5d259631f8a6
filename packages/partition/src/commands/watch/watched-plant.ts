// What `cpc watch` sees of the images at one moment. The names of 100,000 points are prepared once for each generation; of their values only
// those are read that the screen or the sort order asks for.

import type { BankReader } from "@cpc-partition/image/bank-reader";
import type { PlacedGroup, PlacedPoint } from "@cpc-partition/image/directory";
import { missingImages, observedImages, type MissingImage } from "@cpc-partition/image/health";
import type { ImageReader } from "@cpc-partition/image/image-reader";
import { ConnectionState } from "@cpc-partition/image/layout";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import { inServerOrder } from "@cpc-partition/image/server-order";
import { isBad } from "@cpc-partition/image/values/status-code";
import { serviceNames, type ServiceName } from "@cpc-partition/image/service-name";

/** A point of the configuration, and where its value lies. */
export interface WatchedPoint {
  readonly image: ImageReader;
  readonly service: ServiceName;
  readonly server: string;
  readonly group: PlacedGroup;
  /** Within its group. */
  readonly index: number;
  readonly described: PlacedPoint;
  /** In lower case, for the filter. */
  readonly words: string;
}

export interface WatchedServer {
  readonly alias: string;
  readonly group: string;
  readonly connection: ConnectionState;
  readonly cycle: bigint;
  readonly durationNs: bigint;
  readonly error: string;
}

export interface Look {
  readonly points: readonly WatchedPoint[];
  /** One for each group, those without a connection first. */
  readonly servers: readonly WatchedServer[];
  readonly badPoints: number;
  /** Names of images that nobody writes any more. */
  readonly silent: readonly string[];
  /** Images that the partition should have, and has not (yet). */
  readonly missing: readonly MissingImage[];
  readonly nowMs: number;
  /** Undefined when the writer was too fast this time. */
  bankOf(point: WatchedPoint): BankReader | undefined;
}

export class WatchedPlant {
  readonly #images: readonly OpenedImage[];
  #readers: readonly ImageReader[] = [];
  #points: readonly WatchedPoint[] = [];

  constructor(prefix: string) {
    this.#images = serviceNames.map((service) => new OpenedImage(`${prefix}${service}_image`));
  }

  /** Names of the images that would be looked at. */
  get names(): readonly string[] {
    return this.#images.map(({ name }) => name);
  }

  /** Undefined while there is no image. */
  look(nowMs: number): Look | undefined {
    const observed = observedImages(this.#images);
    const readers = observed.map(({ image }) => image);
    if (readers.length === 0) return undefined;
    if (readers.length !== this.#readers.length || readers.some((reader, index) => reader !== this.#readers[index])) {
      this.#readers = readers;
      this.#points = readers.flatMap(pointsOf);
    }
    const silent = observed.filter(({ hasWriter }) => !hasWriter).map(({ name }) => name);
    return lookAt(readers, this.#points, silent, missingImages(observed, nowMs), nowMs);
  }

  close(): void {
    for (const image of this.#images) image.close();
  }
}

export function lookAt(
  images: readonly ImageReader[],
  points: readonly WatchedPoint[],
  silent: readonly string[],
  missing: readonly MissingImage[],
  nowMs: number,
): Look {
  const banks = new Map<PlacedGroup, BankReader>();
  for (const image of images) {
    for (const group of image.directory.groups) {
      const bank = image.snapshot(group.index);
      if (bank !== undefined) banks.set(group, bank);
    }
  }
  return {
    points,
    servers: images.flatMap((image) => serversOf(image, banks)).toSorted((a, b) => rank(a) - rank(b)),
    badPoints: Array.from(banks.values()).reduce((sum, bank) => sum + badPoints(bank), 0),
    silent,
    missing,
    nowMs,
    bankOf: ({ group }) => banks.get(group),
  };
}

/** In the order of the configuration. */
export function pointsOf(image: ImageReader): readonly WatchedPoint[] {
  const points: WatchedPoint[] = [];
  for (const { alias, groups } of image.directory.servers) {
    inServerOrder(groups, (number, index) => {
      const group = groups[number];
      const described = group?.points[index];
      if (group === undefined || described === undefined) return;
      const words = `${described.key} ${alias} ${described.source} ${described.description}`.toLocaleLowerCase();
      points.push({ image, service: image.service, server: alias, group, index, described, words });
    });
  }
  return points;
}

function serversOf(image: ImageReader, banks: ReadonlyMap<PlacedGroup, BankReader>): readonly WatchedServer[] {
  return image.directory.groups.flatMap((group) => {
    const bank = banks.get(group);
    if (bank === undefined) return [];
    const { connection, cycle, durationNs } = bank.state;
    const error = image.serverState(group.serverIndex)?.error ?? "";
    return [{ alias: bank.server.alias, group: group.name, connection, cycle, durationNs, error }];
  });
}

/** What is lost comes first, then what is on its way. */
function rank({ connection }: WatchedServer): number {
  if (connection === ConnectionState.lost) return 0;
  return connection === ConnectionState.connected ? 2 : 1;
}

function badPoints(bank: BankReader): number {
  let count = 0;
  for (let index = 0; index < bank.points.length; index++) if (isBad(bank.status(index))) count++;
  return count;
}
