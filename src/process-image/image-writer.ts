// The writer's whole image: header, directory and a block for each server, in memory that the caller provides.
// One writer for each image. A change of servers, points, keys or capacities is a new generation: `replace` moves every block over.

import type { ServiceName } from "../point/service-name.ts";
import { unixNs, wallClockNow } from "../point/timestamp.ts";
import { writeDirectory, type Directory } from "./directory.ts";
import {
  header,
  ImageState,
  magicWords,
  majorVersion,
  minorVersion,
  serviceCounters,
  pointEntry,
  type ServiceCounter,
} from "./layout.ts";
import { ServerBlock } from "./server-block.ts";

export interface ImageHead {
  readonly service: ServiceName;
  readonly intervalMs: number;
}

export class ImageWriter {
  readonly #head: ImageHead;
  #directory: Directory;
  #memory: ArrayBufferLike;
  #integers: BigInt64Array;
  #generation = 1;
  readonly blocks: readonly ServerBlock[];

  /** `memory` is all zero and has `directory.imageBytes` at least. */
  constructor(head: ImageHead, directory: Directory, memory: ArrayBufferLike) {
    this.#head = head;
    this.#directory = directory;
    this.#memory = memory;
    this.#integers = new BigInt64Array(memory);
    writeDirectory(directory, memory);
    this.blocks = directory.servers.map((server) => new ServerBlock(server, memory));
    this.#writeHeader(unixNs(wallClockNow()));
  }

  get memory(): ArrayBufferLike {
    return this.#memory;
  }

  get directory(): Directory {
    return this.#directory;
  }

  get generation(): number {
    return this.#generation;
  }

  /**
   * The same servers in the same order with other keys, types or capacities: values, times and counters move over. Returns the old
   * memory, which stays a live image until it is retired: readers must find the new one under its name before.
   */
  replace(directory: Directory, memory: ArrayBufferLike): ArrayBufferLike {
    const startedNs = this.#integers[header.startedNs / 8] ?? 0n;
    const oldMemory = this.#memory;
    writeDirectory(directory, memory);
    for (const [index, block] of this.blocks.entries()) {
      const server = directory.servers[index];
      if (server !== undefined) block.moveTo(server, memory);
    }
    this.#directory = directory;
    this.#memory = memory;
    this.#integers = new BigInt64Array(memory);
    const counters = new Uint8Array(oldMemory, header.counters, 8 * serviceCounters.length);
    new Uint8Array(memory).set(counters, header.counters);
    this.#generation++;
    this.#writeHeader(startedNs);
    return oldMemory;
  }

  /** Tells readers that the writer is alive; stored at every tick of the publish clock. */
  beat(): void {
    this.#integers[header.heartbeatNs / 8] = unixNs(wallClockNow());
  }

  count(counter: ServiceCounter, by = 1n): void {
    this.set(counter, (this.#integers[this.#counterIndex(counter)] ?? 0n) + by);
  }

  set(counter: ServiceCounter, value: bigint): void {
    this.#integers[this.#counterIndex(counter)] = value;
  }

  retire(): void {
    retireImage(this.#memory);
  }

  #counterIndex(counter: ServiceCounter): number {
    return header.counters / 8 + serviceCounters.indexOf(counter);
  }

  /** Magic and version go last: a reader that sees them sees everything else. */
  #writeHeader(startedNs: bigint): void {
    const view = new DataView(this.#memory);
    const { servers, pointTableOffset, textTableOffset, texts, imageBytes } = this.#directory;
    const fields: readonly (readonly [offset: number, value: number])[] = [
      [header.headerBytes, header.bytes],
      [header.imageBytes, imageBytes],
      [header.serverCount, servers.length],
      [header.serverTable, header.bytes],
      [header.pointCount, (textTableOffset - pointTableOffset) / pointEntry.bytes],
      [header.pointTable, pointTableOffset],
      [header.textTable, textTableOffset],
      [header.textBytes, texts.length],
      [header.service, this.#head.service === "opcua" ? 1 : 2],
      [header.generation, this.#generation],
      [header.state, ImageState.live],
      [header.pid, process.pid],
      [header.intervalMs, this.#head.intervalMs],
    ];
    for (const [offset, value] of fields) view.setUint32(offset, value, true);
    view.setBigInt64(header.startedNs, startedNs, true);
    this.beat();
    const words = new Uint32Array(this.#memory);
    Atomics.store(words, header.version / 4, (majorVersion << 16) | minorVersion);
    Atomics.store(words, header.magic / 4 + 1, magicWords[1]);
    Atomics.store(words, header.magic / 4, magicWords[0]);
  }
}

/** Tells readers of this memory that it gets no further values: they open the name again. */
export function retireImage(memory: ArrayBufferLike): void {
  Atomics.store(new Uint32Array(memory), header.state / 4, ImageState.retired);
}
