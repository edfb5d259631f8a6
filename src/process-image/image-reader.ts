// The reading side of an image: names, states, values. It only ever reads its memory, so a read-only mapping is enough.
//
// A reader in another thread or process takes a `snapshot`: one copy of a whole poll, checked not to have been overwritten meanwhile.

import { BuiltInType } from "../point/built-in-type.ts";
import type { Value } from "../point/value.ts";
import { readDirectory, type Directory, type PlacedServer } from "./directory.ts";
import {
  block,
  durationBuckets,
  header,
  ImageState,
  magicWords,
  majorVersion,
  poll,
  record,
  serverCounters,
  serviceCounters,
  type ConnectionState,
  type ServerCounter,
  type ServiceCounter,
} from "./layout.ts";
import { isInline, readLongValue } from "./long-value.ts";

export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly code = "NotAnImage";
}

/** What a bank says about the source of its values. */
export interface PollState {
  readonly connection: ConnectionState;
  /** The last failure, "" for none so far; whether it is over, `connection` tells. */
  readonly error: string;
  /** 0n: none so far. */
  readonly errorNs: bigint;
  readonly cycle: bigint;
  readonly publishedNs: bigint;
  /** 0n: no good poll yet. */
  readonly lastGoodNs: bigint;
  readonly durationNs: bigint;
  /** 0n: no certificate. */
  readonly certificateEndsNs: bigint;
}

export interface PointReading extends Value {
  readonly status: number;
  /** 0n: the server gave none. */
  readonly sourceNs: bigint;
  readonly receivedNs: bigint;
}

export class ImageReader {
  readonly directory: Directory;
  readonly #memory: ArrayBufferLike;
  readonly #words: Uint32Array;
  readonly #integers: BigInt64Array;

  constructor(memory: ArrayBufferLike) {
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
    this.directory = readDirectory(memory);
  }

  get generation(): number {
    return this.#load(header.generation);
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
    const start = server.blockOffset + block.banks + (this.published(serverIndex) & 1) * server.bankBytes;
    return new BankReader(server, this.#memory, start);
  }

  /**
   * Copies the last complete poll of a server. When the writer began two further polls during the copy, the copy may be a mixture
   * and is taken again; undefined when that happened `attempts` times in a row.
   */
  snapshot(serverIndex: number, attempts = 100): BankReader | undefined {
    const server = this.#server(serverIndex);
    const copy = new Uint8Array(server.bankBytes);
    for (let attempt = 0; attempt < attempts; attempt++) {
      const published = this.published(serverIndex);
      const start = server.blockOffset + block.banks + (published & 1) * server.bankBytes;
      copy.set(new Uint8Array(this.#memory, start, server.bankBytes));
      const begun = this.#load(server.blockOffset + block.begun);
      if ((begun - published) >>> 0 <= 1) return new BankReader(server, copy.buffer, 0);
    }
    return undefined;
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

/** One bank, in the image itself or in a copy. */
export class BankReader {
  readonly server: PlacedServer;
  readonly #start: number;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #doubles: Float64Array;
  readonly #integers: BigInt64Array;

  constructor(server: PlacedServer, memory: ArrayBufferLike, start: number) {
    this.server = server;
    this.#start = start;
    this.#bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#floats = new Float32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#integers = new BigInt64Array(memory);
  }

  get state(): PollState {
    const integer = (field: number): bigint => this.#integers[(this.#start + field) / 8] ?? 0n;
    const errorStart = this.#start + poll.error;
    return {
      connection: this.connection,
      error: this.#bytes.toString(
        "utf8",
        errorStart,
        errorStart + (this.#words[(this.#start + poll.errorBytes) / 4] ?? 0),
      ),
      errorNs: integer(poll.errorNs),
      cycle: integer(poll.cycle),
      publishedNs: integer(poll.publishedNs),
      lastGoodNs: integer(poll.lastGoodNs),
      durationNs: integer(poll.durationNs),
      certificateEndsNs: integer(poll.certificateEndsNs),
    };
  }

  get connection(): ConnectionState {
    return (this.#words[(this.#start + poll.connection) / 4] ?? 0) as ConnectionState;
  }

  status(index: number): number {
    return this.#words[(this.#record(index) + record.status) / 4] ?? 0;
  }

  type(index: number): BuiltInType {
    return this.#bytes[this.#record(index) + record.type] as BuiltInType;
  }

  shape(index: number): number {
    return this.#bytes[this.#record(index) + record.shape] ?? 0;
  }

  /** Type and shape together, to see at once whether either changed. */
  kind(index: number): number {
    return (this.#words[(this.#record(index) + record.type) / 4] ?? 0) & 0xffff;
  }

  /** The low and the high half of an inline scalar's 64 bits. */
  lowWord(index: number): number {
    return this.#words[(this.#record(index) + record.value) / 4] ?? 0;
  }

  highWord(index: number): number {
    return this.#words[(this.#record(index) + record.value) / 4 + 1] ?? 0;
  }

  /** The value of an inline scalar as a number: exact for all types but Int64, UInt64 and DateTime. */
  number(index: number, type: BuiltInType): number {
    const at = this.#record(index) + record.value;
    switch (type) {
      case BuiltInType.Double:
        return this.#doubles[at / 8] ?? 0;
      case BuiltInType.Float:
        return this.#floats[at / 4] ?? 0;
      case BuiltInType.UInt32:
      case BuiltInType.StatusCode:
        return this.#words[at / 4] ?? 0;
      default:
        return (this.#words[at / 4] ?? 0) | 0;
    }
  }

  /** The 64 bits of an inline scalar, signed or not as its type says. */
  integer(index: number, type: BuiltInType): bigint {
    const value = this.#integers[(this.#record(index) + record.value) / 8] ?? 0n;
    return type === BuiltInType.UInt64 ? BigInt.asUintN(64, value) : value;
  }

  reading(index: number): PointReading {
    const at = this.#record(index);
    return {
      ...this.value(index),
      status: this.status(index),
      sourceNs: this.#integers[(at + record.sourceNs) / 8] ?? 0n,
      receivedNs: this.#integers[(at + record.receivedNs) / 8] ?? 0n,
    };
  }

  value(index: number): Value {
    const type = this.type(index);
    const shape = this.shape(index);
    if (type === BuiltInType.Null) return { type, value: null };
    if (shape !== 0 || !isInline(type)) return { type, ...this.#longValue(index, type, shape) };
    if (type === BuiltInType.Boolean) return { type, value: this.number(index, type) !== 0 };
    const isWide = type === BuiltInType.Int64 || type === BuiltInType.UInt64 || type === BuiltInType.DateTime;
    return { type, value: isWide ? this.integer(index, type) : this.number(index, type) };
  }

  #longValue(index: number, type: BuiltInType, shape: number) {
    const point = this.server.points[index];
    if (point === undefined) throw new RangeError(`no point ${index}: the server has ${this.server.points.length}`);
    const at = (this.#record(index) + record.value) / 4;
    const start = this.#start + point.roomOffset;
    const room = this.#bytes.subarray(start, start + point.capacityBytes);
    return readLongValue(room, type, shape, this.#words[at] ?? 0, this.#words[at + 1] ?? 0);
  }

  #record(index: number): number {
    return this.#start + poll.bytes + index * record.bytes;
  }
}
