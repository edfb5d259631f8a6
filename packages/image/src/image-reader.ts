// The reading side of an image: names, states, values. It only ever reads its memory, so a read-only mapping is enough.

import type { ServiceName } from "./service-name.ts";
import { BankReader } from "./bank-reader.ts";
import { readDirectory, type Directory, type PlacedServer } from "./directory.ts";
import {
  block,
  durationBuckets,
  header,
  ImageState,
  magicWords,
  majorVersion,
  serverCounters,
  serviceCounters,
  type BankStrides,
  type ServerCounter,
  type ServiceCounter,
} from "./layout.ts";
import { ServerSnapshot } from "./server-snapshot.ts";

export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly code = "NotAnImage";
}

export class ImageReader {
  readonly directory: Directory;
  readonly #memory: ArrayBufferLike;
  readonly #words: Uint32Array;
  readonly #integers: BigInt64Array;
  readonly #strides: BankStrides;

  /** Throws an ImageError when the memory holds no image, or not the whole of one, or one of another major version. */
  constructor(memory: ArrayBufferLike) {
    if (memory.byteLength < header.bytes)
      throw new ImageError(`cannot read a process image because ${memory.byteLength} bytes cannot hold one`);
    this.#memory = memory;
    this.#words = new Uint32Array(memory);
    this.#integers = new BigInt64Array(memory);
    const magic = [this.#load(header.magic), this.#load(header.magic + 4)];
    if (magic[0] !== magicWords[0] || magic[1] !== magicWords[1]) {
      throw new ImageError("cannot read a process image because its magic is not there (yet)");
    }
    const version = this.#load(header.version);
    if (version >>> 16 !== majorVersion) {
      throw new ImageError(
        `cannot read a process image of version ${version >>> 16}.${version & 0xffff} because this reader knows ${majorVersion}`,
      );
    }
    const imageBytes = this.#load(header.imageBytes);
    if (imageBytes > memory.byteLength) {
      throw new ImageError(
        `cannot read a process image because it has ${imageBytes} bytes and only ${memory.byteLength} are there`,
      );
    }
    this.directory = readDirectory(memory);
    this.#strides = {
      banksOffset: this.#load(header.banksOffset),
      pollBytes: this.#load(header.pollBytes),
      recordBytes: this.#load(header.recordBytes),
    };
  }

  get service(): ServiceName {
    return this.#load(header.service) === 1 ? "opcua" : "modbus";
  }

  get generation(): number {
    return this.#load(header.generation);
  }

  get intervalMs(): number {
    return this.#load(header.intervalMs);
  }

  get isRetired(): boolean {
    return this.#load(header.state) === ImageState.retired;
  }

  get heartbeatNs(): bigint {
    return this.#integers[header.heartbeatNs / 8] ?? 0n;
  }

  get startedNs(): bigint {
    return this.#integers[header.startedNs / 8] ?? 0n;
  }

  /** Publications of all servers, 32 bits, wraps; also grows when the image is retired. */
  get publications(): number {
    return this.#load(header.publications);
  }

  serviceCount(counter: ServiceCounter): bigint {
    return this.#integers[header.counters / 8 + serviceCounters.indexOf(counter)] ?? 0n;
  }

  serverCount(serverIndex: number, counter: ServerCounter): bigint {
    const at = (this.#server(serverIndex).blockOffset + block.counters) / 8;
    return this.#integers[at + serverCounters.indexOf(counter)] ?? 0n;
  }

  /** How many polls fell into each bucket of duration, see `layout.ts`. */
  durations(serverIndex: number): Uint32Array {
    return new Uint32Array(
      this.#memory,
      this.#server(serverIndex).blockOffset + block.durations,
      durationBuckets,
    ).slice();
  }

  /** The number of the last complete publication of a server, 32 bits, wraps. */
  published(serverIndex: number): number {
    return this.#load(this.#server(serverIndex).blockOffset + block.published);
  }

  /** Looks straight at the last complete bank. Only for the writer's own thread, where nothing can overtake. */
  view(serverIndex: number): BankReader {
    const server = this.#server(serverIndex);
    const banks = server.blockOffset + this.#strides.banksOffset;
    const start = banks + (this.published(serverIndex) & 1) * server.bankBytes;
    return new BankReader(server, this.#memory, start, this.#strides);
  }

  /** A copy to be refreshed by the caller, as often as he likes; empty until then. */
  reusableSnapshot(serverIndex: number): ServerSnapshot {
    return new ServerSnapshot(this.#server(serverIndex), this.#memory, this.#strides);
  }

  /** A copy of the last complete poll of a server; undefined when the writer overtook all attempts. */
  snapshot(serverIndex: number): ServerSnapshot | undefined {
    const snapshot = this.reusableSnapshot(serverIndex);
    return snapshot.refresh() ? snapshot : undefined;
  }

  #server(index: number): PlacedServer {
    const server = this.directory.servers[index];
    if (server === undefined)
      throw new RangeError(`no server ${index}: the image has ${this.directory.servers.length}`);
    return server;
  }

  #load(offset: number): number {
    return Atomics.load(this.#words, offset / 4);
  }
}
