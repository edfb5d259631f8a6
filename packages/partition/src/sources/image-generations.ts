// Keeps the process image in step with what the sources have learned: better keys, other types, more room. The directory of an
// image never changes, so each finding is a new generation of it.

import type { Log } from "@cpc-partition/process/log";
import type { PointDescription } from "@cpc-partition/image/point";
import type { PointKey } from "@cpc-partition/image/values/point-keys";
import type { Source } from "./source.ts";
import { planDirectory, type DescribedPoint, type ServerDescription } from "@cpc-partition/image/directory";
import { privateMemory, type ImageMemory } from "@cpc-partition/image/image-memory";
import { ImageReader } from "@cpc-partition/image/image-reader";
import { ImageWriter, retireImage, type ImageHead } from "@cpc-partition/image/image-writer";
import { maximumRoomBytes } from "@cpc-partition/image/group-block";
import type { ServerBlock } from "@cpc-partition/image/server-block";
import { ImageRefusals, roomless, unchanged, unreadable } from "./image-refusals.ts";
import { KeyBook, type ServiceKeys } from "./key-book.ts";

/** Where the memory of a generation comes from. */
export interface ImageProvider {
  /** Zeroed memory of at least the given size, not yet visible to readers. */
  allocate(imageBytes: number): Promise<ImageMemory>;
  /**
   * The memory allocated last holds a complete image: readers that open the image's name now find it. `isRenumbered`: its points have other
   * numbers than in the image before, which is kept for who reads old changes in a journal.
   */
  announce(isRenumbered: boolean): Promise<void>;
  /** Calls `use` when there is memory for a journal, all zero, that was not used yet; that of the journal before may be gone afterwards. */
  takeJournal(use: (memory: ArrayBufferLike) => void): void;
  /** Nobody here looks at this memory any more. */
  release(memory: ImageMemory): void;
}

/** An image that only this process sees. */
export const privateImage: ImageProvider = {
  allocate: (imageBytes) => Promise.resolve(privateMemory(imageBytes)),
  announce: () => Promise.resolve(),
  takeJournal: () => {},
  release: () => {},
};

interface MadeOf {
  readonly source: Source;
  readonly points: readonly PointDescription[];
}

function madeOf(sources: readonly Source[]): readonly MadeOf[] {
  return sources.map((source) => ({ source, points: source.points }));
}

export class ImageGenerations {
  readonly #head: ImageHead;
  readonly #provider: ImageProvider;
  readonly #keys: KeyBook;
  readonly image: ImageWriter;
  #sources: readonly Source[];
  #blocks: ReadonlyMap<Source, ServerBlock>;
  /** Made when somebody asks: a directory read back is as large as the one that was written. */
  #reader: ImageReader | undefined;
  /** What the present generation was made of, in its order: servers and their lists, to see at once whether one was replaced. */
  #madeOf: readonly MadeOf[];
  readonly #refusals: ImageRefusals;
  #isNewWanted = false;
  /** The present generation has its name: it is in memory of the provider, and readers can open it. */
  #isAnnounced = false;
  /** The last one that readers could open. */
  #announcedGeneration = 0;

  /** Without memory of the provider's the image begins in private memory, which nobody else can read, and `renew` asks again. */
  static async create(
    head: ImageHead,
    sources: readonly Source[],
    provider: ImageProvider,
    log: Log,
    keys: KeyBook = new KeyBook(log),
  ) {
    const given = keys.keysOf(sources);
    const refusals = new ImageRefusals(log);
    const servers = sources.map((source) => describe(source, given, head.intervalMs));
    const planned = await new ImageRefusals(log).attempt(roomless, undefined, () => planDirectory(servers));
    const directory = planned ?? planDirectory(servers.map((server) => withoutRoom(server)));
    const { imageBytes } = directory;
    const memory = await refusals.attempt(unreadable, imageBytes, () => provider.allocate(imageBytes));
    const image = new ImageWriter(head, directory, memory ?? privateMemory(imageBytes));
    const generations = new ImageGenerations(head, sources, provider, keys, refusals, image);
    if (memory === undefined) generations.#isNewWanted = true;
    else await generations.#announce();
    return generations;
  }

  private constructor(
    head: ImageHead,
    sources: readonly Source[],
    provider: ImageProvider,
    keys: KeyBook,
    refusals: ImageRefusals,
    image: ImageWriter,
  ) {
    this.#head = head;
    this.#sources = sources;
    this.#provider = provider;
    this.#keys = keys;
    this.#refusals = refusals;
    this.image = image;
    this.#madeOf = madeOf(sources);
    this.#blocks = blocksOf(sources, image);
  }

  get reader(): ImageReader {
    return (this.#reader ??= new ImageReader(this.image.memory.buffer));
  }

  /** Where each server of the present generation is written. */
  get blocks(): ReadonlyMap<Source, ServerBlock> {
    return this.#blocks;
  }

  /** Other servers, from the next `renew` on. Those that stay the same object keep their values. */
  setSources(sources: readonly Source[]): void {
    this.#sources = sources;
  }

  /** Readers do not find the image any more, so the next `renew` makes a new one. Whoever looks for it says so until it is back. */
  imageLost(): void {
    if (this.#isNewWanted) return;
    this.image.count("objectsRestored");
    this.#isNewWanted = true;
  }

  /** Something about the image was refused: worth another `renew` soon. */
  get isRefused(): boolean {
    return this.#refusals.areThere;
  }

  /**
   * Makes a new generation if there is a reason to and memory for it; true when it did. Without memory the present one goes on. One
   * that does not get its name is used all the same, and is a reason for the next.
   */
  async renew(): Promise<boolean> {
    this.#takeJournal();
    const sources = this.#sources;
    const hasOtherPoints =
      sources.length !== this.#madeOf.length ||
      this.#madeOf.some(({ source, points }, index) => source !== sources[index] || points !== source.points);
    const wantsRoom = sources.some((source) => this.#blocks.get(source)?.groups.some((group) => group.wantsRoom));
    if (!this.#isNewWanted && !hasOtherPoints && !wantsRoom) {
      this.#refusals.forget();
      return false;
    }
    const made = madeOf(sources);
    const keys = this.#keys.keysOf(sources);
    const servers = sources.map((source) => this.#withRoom(describe(source, keys, this.#head.intervalMs), source));
    const consequence = this.#isAnnounced ? unchanged : unreadable;
    const directory = await this.#refusals.attempt(consequence, undefined, () => planDirectory(servers));
    if (directory === undefined) return false;
    const { imageBytes } = directory;
    const memory = await this.#refusals.attempt(consequence, imageBytes, () => this.#provider.allocate(imageBytes));
    // An image that nobody can open may as well go on in private memory: without its keys no value of a new point is shown at all.
    if (memory === undefined && (this.#isAnnounced || !hasOtherPoints)) return false;
    this.#isNewWanted = memory === undefined;
    const kept = sources.map((source) => this.#blocks.get(source));
    const next = memory ?? privateMemory(imageBytes);
    const old = this.image.replace(directory, next, kept);
    this.#reader = undefined;
    this.#blocks = blocksOf(sources, this.image);
    this.#madeOf = made;
    if (memory !== undefined) await this.#announce();
    // Also when the new one did not get its name: the old one gets no further values, and nobody may take it for a live one.
    retireImage(old);
    this.#provider.release(old);
    return true;
  }

  async #announce(): Promise<void> {
    const { imageBytes } = this.image.directory;
    const isDone = await this.#refusals.attempt(unreadable, imageBytes, async () => {
      await this.#provider.announce(this.image.pointsSince > this.#announcedGeneration);
      this.#announcedGeneration = this.image.generation;
      return true;
    });
    this.#takeJournal();
    this.#isAnnounced = isDone === true;
    if (this.#isAnnounced) this.#refusals.end();
    else this.#isNewWanted = true;
  }

  #takeJournal(): void {
    this.#provider.takeJournal((memory) => this.image.startJournal(memory));
  }

  /** Never less room than before, and half as much again as the longest value seen. */
  #withRoom(server: ServerDescription, source: Source): ServerDescription {
    const block = this.#blocks.get(source);
    const groups = server.groups.map((group, groupIndex) => {
      const before = block?.groups[groupIndex];
      const points = group.points.map((point, index) => {
        const needed = Math.ceil(1.5 * (before?.truncatedPoints.get(index) ?? 0));
        const learned = Math.max(before?.points[index]?.capacityBytes ?? 0, Math.min(maximumRoomBytes, needed));
        return learned > point.capacityBytes ? { ...point, capacityBytes: learned } : point;
      });
      return { ...group, points };
    });
    return { ...server, groups };
  }
}

function describe(source: Source, keys: ServiceKeys<Source>, intervalMs: number): ServerDescription {
  const points = (keys.get(source) ?? []).map((key, place) => describePoint(key, place));
  return {
    alias: source.alias,
    connection: source.connection,
    ...(source.isInsecure === undefined ? {} : { isInsecure: source.isInsecure }),
    groups: source.groups.map((group) => ({
      name: group.name,
      intervalMs: group.intervalMs ?? intervalMs,
      isSubscribed: group.isSubscribed,
      points: group.points.flatMap((place) => points[place] ?? []),
    })),
  };
}

function withoutRoom(server: ServerDescription): ServerDescription {
  const groups = server.groups.map((group) => ({
    ...group,
    points: group.points.map((point) => ({ ...point, capacityBytes: 0 })),
  }));
  return { ...server, groups };
}

function describePoint({ point, key, isExpected }: PointKey, serverPosition: number): DescribedPoint {
  return { ...point, key, isExpected, serverPosition };
}

function blocksOf(sources: readonly Source[], image: ImageWriter): ReadonlyMap<Source, ServerBlock> {
  const pairs = sources.flatMap((source, index) => {
    const block = image.blocks[index];
    return block === undefined ? [] : ([[source, block]] as const);
  });
  return new Map(pairs);
}
