// The writer's whole image: header, directory and blocks, in memory that the caller provides.
// One writer for each image. A change of servers, points, keys or capacities is a new generation: `replace` moves every block over.

import { ChangeScan } from "./change-scan.ts";
import { groupTableOffset, pointTableOffset, writeDirectory, type Directory } from "./directory.ts";
import type { ImageMemory } from "./image-memory.ts";
import { JournalWriter } from "./journal-writer.ts";
import {
  block,
  byteOrderMark,
  counterCount,
  groupEntry,
  header,
  ImageState,
  magicWords,
  majorVersion,
  minorVersion,
  pointEntry,
  poll,
  record,
  serverEntry,
  serverState,
  serviceCounters,
  type ServiceCounter,
} from "./layout.ts";
import { wallClockNs } from "./posix/wall-clock.ts";
import { ServerBlock } from "./server-block.ts";
import { bitsOfServices, codeOfService, type ServiceName } from "./service-name.ts";

export interface ImageHead {
  readonly service: ServiceName;
  /** `header.service`; absent: the one of the name. */
  readonly serviceCode?: number;
  /** All that the partition runs, this one included; absent: readers are not told. */
  readonly partitionServices?: readonly ServiceName[];
  readonly intervalMs: number;
}

export class ImageWriter {
  readonly #head: ImageHead;
  readonly #changes = new ChangeScan();
  #directory: Directory;
  #memory: ImageMemory;
  #integers: BigInt64Array;
  #generation = 1;
  #pointsSince = 1;
  #blocks: readonly ServerBlock[];

  /** `memory` is all zero and has `directory.imageBytes` at least. */
  constructor(head: ImageHead, directory: Directory, memory: ImageMemory) {
    this.#head = head;
    this.#memory = memory;
    this.#integers = new BigInt64Array(memory.buffer);
    this.#directory = writeDirectory(directory, memory.buffer);
    this.#blocks = directory.servers.map((server) => new ServerBlock(server, memory, this.#changes));
    this.#writeHeader(wallClockNs());
  }

  /** In the order of the directory. */
  get blocks(): readonly ServerBlock[] {
    return this.#blocks;
  }

  get memory(): ImageMemory {
    return this.#memory;
  }

  get directory(): Directory {
    return this.#directory;
  }

  get generation(): number {
    return this.#generation;
  }

  /** The generation since which every point has had its number. */
  get pointsSince(): number {
    return this.#pointsSince;
  }

  /**
   * From now on every change goes into a journal in this memory, which is all zero. It takes the place of the journal so far, whose positions
   * end before it begins: a reader that has a snapshot learns that it needs another.
   */
  startJournal(memory: ArrayBufferLike): void {
    const startedNs = this.#integers[header.startedNs / 8] ?? 0n;
    const firstPosition = Number(this.#changes.position) + 1;
    this.#changes.journal = new JournalWriter(memory, this.#head.service, startedNs, firstPosition);
    for (const { groups } of this.#blocks) for (const group of groups) group.restamp();
  }

  /**
   * Other servers, keys, types or capacities. `kept` has for each server of the new directory its block so far, with the same points in
   * the same order: values, times and counters move over; undefined makes a new block. Returns the old memory, which stays a live
   * image until it is retired: readers must find the new one under its name before.
   */
  replace(directory: Directory, memory: ImageMemory, kept: readonly (ServerBlock | undefined)[]): ImageMemory {
    const startedNs = this.#integers[header.startedNs / 8] ?? 0n;
    const oldMemory = this.#memory;
    const isSameList = kept.length === this.#blocks.length && kept.every((one, index) => one === this.#blocks[index]);
    this.#generation++;
    if (!isSameList) this.#pointsSince = this.#generation;
    this.#changes.generation = this.#generation;
    const written = writeDirectory(directory, memory.buffer);
    this.#blocks = directory.servers.map((server, index) => {
      const serverBlock = kept[index];
      serverBlock?.moveTo(server, memory);
      return serverBlock ?? new ServerBlock(server, memory, this.#changes);
    });
    this.#directory = written;
    this.#memory = memory;
    this.#integers = new BigInt64Array(memory.buffer);
    const counters = new Uint8Array(oldMemory.buffer, header.counters, 8 * counterCount);
    new Uint8Array(memory.buffer).set(counters, header.counters);
    this.#writeHeader(startedNs);
    return oldMemory;
  }

  /** Tells readers that the writer is alive, or was so long ago. */
  beat(agoMs = 0): void {
    this.#integers[header.heartbeatNs / 8] = wallClockNs() - BigInt(Math.round(agoMs * 1e6));
  }

  /** Tells readers that the values belong together now: who shows all of them at once, as a document does, does so at ticks. */
  tick(): void {
    Atomics.add(new Uint32Array(this.#memory.buffer), header.ticks / 4, 1);
    this.#memory.wake(header.ticks);
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
    const view = new DataView(this.#memory.buffer);
    const { servers, groups, pointCount, textTableOffset, texts, imageBytes } = this.#directory;
    const fields: readonly (readonly [offset: number, value: number])[] = [
      [header.byteOrder, byteOrderMark],
      [header.headerBytes, header.bytes],
      [header.serverEntryBytes, serverEntry.bytes],
      [header.groupEntryBytes, groupEntry.bytes],
      [header.pointEntryBytes, pointEntry.bytes],
      [header.serverStateBytes, serverState.bytes],
      [header.pollBytes, poll.bytes],
      [header.recordBytes, record.bytes],
      [header.service, this.#head.serviceCode ?? codeOfService(this.#head.service)],
      [header.serverTable, header.bytes],
      [header.serverCount, servers.length],
      [header.groupTable, groupTableOffset(servers)],
      [header.groupCount, groups.length],
      [header.pointTable, pointTableOffset(servers)],
      [header.pointCount, pointCount],
      [header.textTable, textTableOffset],
      [header.textBytes, texts.length],
      [header.generation, this.#generation],
      [header.pointsSince, this.#pointsSince],
      [header.state, ImageState.live],
      [header.pid, process.pid],
      [header.intervalMs, this.#head.intervalMs],
      [header.services, bitsOfServices(this.#head.partitionServices ?? [])],
    ];
    for (const [offset, value] of fields) view.setUint32(offset, value, true);
    view.setBigUint64(header.imageBytes, BigInt(imageBytes), true);
    view.setBigInt64(header.startedNs, startedNs, true);
    this.beat();
    const words = new Uint32Array(this.#memory.buffer);
    Atomics.store(words, header.version / 4, (majorVersion << 16) | minorVersion);
    Atomics.store(words, header.magic / 4 + 1, magicWords[1]);
    Atomics.store(words, header.magic / 4, magicWords[0]);
  }
}

/**
 * Tells readers of this memory that it gets no further values: they open the name again. Both counters of a block grow by two, which
 * leaves its last bank the last one and ends every sleep. The memory holds a whole image of this version, which is not looked through again.
 */
export function retireImage(memory: ImageMemory): void {
  const words = new Uint32Array(memory.buffer);
  const pairs = new BigUint64Array(memory.buffer);
  Atomics.store(words, header.state / 4, ImageState.retired);
  for (const blockOffset of blockOffsets(words)) {
    // `begun` and `published` in one store: killed between two, the writer would leave a block that no reader takes.
    const begun = Atomics.load(words, (blockOffset + block.begun) / 4) + 2;
    const published = Atomics.load(words, (blockOffset + block.published) / 4) + 2;
    const both = BigInt(begun >>> 0) | (BigInt(published >>> 0) << 32n);
    Atomics.store(pairs, (blockOffset + block.begun) / 8, both);
    memory.wake(blockOffset + block.published);
  }
  for (const word of [header.publications, header.ticks]) {
    Atomics.add(words, word / 4, 1);
    memory.wake(word);
  }
}

/** Of servers and groups: points, which are by far the most, have none. */
function blockOffsets(words: Uint32Array): readonly number[] {
  const tables = [
    [header.serverTable, header.serverCount, header.serverEntryBytes, serverEntry.block],
    [header.groupTable, header.groupCount, header.groupEntryBytes, groupEntry.block],
  ] as const;
  const word = (at: number): number => words[at / 4] as number;
  return tables.flatMap(([table, count, stride, blockField]) =>
    Array.from({ length: word(count) }, (_, index) => word(word(table) + index * word(stride) + blockField)),
  );
}
