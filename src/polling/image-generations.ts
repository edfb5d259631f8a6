// Keeps the process image in step with what the clients have learned: better keys, other types, more room. The directory of an
// image never changes, so each lesson is a new generation of it.

import type { Log } from "../logging/log.ts";
import type { PointDescription } from "../point/point.ts";
import type { ServerClient } from "../point/server-client.ts";
import { planDirectory, type ServerDescription } from "../process-image/directory.ts";
import { privateMemory, type ImageMemory } from "../process-image/image-memory.ts";
import { ImageReader } from "../process-image/image-reader.ts";
import { ImageWriter, retireImage, type ImageHead } from "../process-image/image-writer.ts";
import { assignKeys, type AssignedKeys } from "./point-keys.ts";

/** Where the memory of a generation comes from. */
export interface ImageProvider {
  /** Zeroed memory of at least the given size, not yet visible to readers. */
  allocate(imageBytes: number): Promise<ImageMemory>;
  /** The memory allocated last holds a complete image: readers that open the image's name now find it. */
  announce(): Promise<void>;
  /** Nobody here looks at this memory any more. */
  release(memory: ImageMemory): void;
}

/** An image that only this process sees. */
export const privateImage: ImageProvider = {
  allocate: (imageBytes) => Promise.resolve(privateMemory(imageBytes)),
  announce: () => Promise.resolve(),
  release: () => {},
};

/** What is longer than this stays cut and flagged: one value must not eat the gateway's memory. */
const maximumRoomBytes = 64 * 1024;

export class ImageGenerations {
  readonly #clients: readonly ServerClient[];
  readonly #intervalMs: number;
  readonly #provider: ImageProvider;
  readonly #log: Log;
  readonly image: ImageWriter;
  #reader: ImageReader;
  /** The lists that the present generation was made of. */
  #points: readonly (readonly PointDescription[])[];
  #keys: AssignedKeys;

  static async create(head: ImageHead, clients: readonly ServerClient[], provider: ImageProvider, log: Log) {
    const { keys, clashes } = assignKeys(clients);
    const servers = describe(clients, keys, head.intervalMs);
    const directory = planDirectory(servers);
    const image = new ImageWriter(head, directory, await provider.allocate(directory.imageBytes));
    await provider.announce();
    const generations = new ImageGenerations(head, clients, provider, log, image, keys);
    generations.#tell(clashes);
    return generations;
  }

  private constructor(
    head: ImageHead,
    clients: readonly ServerClient[],
    provider: ImageProvider,
    log: Log,
    image: ImageWriter,
    keys: AssignedKeys,
  ) {
    this.#clients = clients;
    this.#intervalMs = head.intervalMs;
    this.#provider = provider;
    this.#log = log;
    this.image = image;
    this.#reader = new ImageReader(image.memory.buffer);
    this.#points = clients.map((client) => client.points);
    this.#keys = keys;
  }

  get reader(): ImageReader {
    return this.#reader;
  }

  /** Makes a new generation if something was learned; true when it did. */
  async renew(): Promise<boolean> {
    const points = this.#clients.map((client) => client.points);
    const isLearned = points.some((list, index) => list !== this.#points[index]);
    const isTooSmall = this.image.blocks.some((block) =>
      [...block.tooSmall].some(([index]) => (block.points[index]?.capacityBytes ?? 0) < maximumRoomBytes),
    );
    if (!isLearned && !isTooSmall) return false;
    const { keys, clashes } = assignKeys(this.#clients, this.#keys);
    const servers = describe(this.#clients, keys, this.#intervalMs).map((server, index) =>
      this.#withRoom(server, index),
    );
    const directory = planDirectory(servers);
    const memory = await this.#provider.allocate(directory.imageBytes);
    const old = this.image.replace(directory, memory);
    this.#reader = new ImageReader(memory.buffer);
    this.#points = points;
    this.#keys = keys;
    await this.#provider.announce();
    retireImage(old);
    this.#provider.release(old);
    this.#tell(clashes);
    return true;
  }

  /** Never less room than before, and half as much again as the longest value seen. */
  #withRoom(server: ServerDescription, serverIndex: number): ServerDescription {
    const block = this.image.blocks[serverIndex];
    const points = server.points.map((point, index) => {
      const before = block?.points[index]?.capacityBytes ?? 0;
      const needed = Math.ceil(1.5 * (block?.tooSmall.get(index) ?? 0));
      const learned = Math.min(maximumRoomBytes, Math.max(before, needed));
      return { ...point, capacityBytes: Math.max(point.capacityBytes, learned) };
    });
    return { ...server, points };
  }

  #tell(clashes: ReturnType<typeof assignKeys>["clashes"]): void {
    for (const { server, wanted, given } of clashes) {
      this.#log("warn", `"${wanted}" is taken by another point, this one is "${given}"`, { server });
    }
  }
}

function describe(clients: readonly ServerClient[], keys: AssignedKeys, intervalMs: number): ServerDescription[] {
  return clients.map((client, serverIndex) => ({
    alias: client.alias,
    connection: client.connection,
    intervalMs: client.intervalMs ?? intervalMs,
    points: client.points.map((point, index) => ({ ...point, key: keys[serverIndex]?.[index]?.given ?? point.key })),
  }));
}
