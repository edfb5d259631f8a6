// One poll of one group: what every point had. It lies in the image itself or in a reader's copy.
//
// Nothing here allocates for `connection`, `status`, `type`, `shape` and `number`; `value`, `reading` and `state` make objects.

import { BuiltInType } from "./values/built-in-type.ts";
import type { Value } from "./values/value.ts";
import type { Directory, PlacedGroup, PlacedPoint, PlacedServer } from "./directory.ts";
import { poll, record, type BankStrides, type ConnectionState } from "./layout.ts";
import { readValue } from "./long-value.ts";

/** What a group's bank says about its poll. */
export interface PollState {
  /** Of its server, when this was published. */
  readonly connection: ConnectionState;
  readonly cycle: bigint;
  readonly requestedNs: bigint;
  readonly publishedNs: bigint;
  /** 0n: no good poll yet. */
  readonly lastGoodNs: bigint;
  /** Of the last good poll. */
  readonly durationNs: bigint;
  /** Every change up to this publication lies before it in the journal; 0n without a journal. */
  readonly journalPosition: bigint;
}

export interface PointReading extends Value {
  readonly status: number;
  /** 0n: the server gave none. */
  readonly sourceNs: bigint;
  readonly receivedNs: bigint;
}

export class BankReader {
  readonly server: PlacedServer;
  readonly group: PlacedGroup;
  readonly #start: number;
  readonly #recordsStart: number;
  readonly #recordBytes: number;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #doubles: Float64Array;
  readonly #integers: BigInt64Array;

  constructor(directory: Directory, group: PlacedGroup, memory: ArrayBufferLike, start: number, strides: BankStrides) {
    this.server = serverOf(directory, group);
    this.group = group;
    this.#start = start;
    this.#recordsStart = start + strides.pollBytes;
    this.#recordBytes = strides.recordBytes;
    this.#bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#floats = new Float32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#integers = new BigInt64Array(memory);
  }

  get state(): PollState {
    const integer = (field: number): bigint => this.#integers[(this.#start + field) / 8] ?? 0n;
    return {
      connection: this.connection,
      cycle: integer(poll.cycle),
      requestedNs: integer(poll.requestedNs),
      publishedNs: integer(poll.publishedNs),
      lastGoodNs: integer(poll.lastGoodNs),
      durationNs: integer(poll.durationNs),
      journalPosition: integer(poll.journalPosition),
    };
  }

  get points(): readonly PlacedPoint[] {
    return this.group.points;
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

  receivedNs(index: number): bigint {
    return this.#integers[(this.#record(index) + record.receivedNs) / 8] ?? 0n;
  }

  reading(index: number): PointReading {
    const at = this.#record(index);
    return {
      ...this.value(index),
      status: this.status(index),
      sourceNs: this.#integers[(at + record.sourceNs) / 8] ?? 0n,
      receivedNs: this.receivedNs(index),
    };
  }

  value(index: number): Value {
    const point = this.points[index];
    if (point === undefined) throw new RangeError(`no point ${index}: the group has ${this.points.length}`);
    const start = this.#start + point.roomOffset;
    const room = this.#bytes.subarray(start, start + point.capacityBytes);
    return readValue(this.#bytes, this.#record(index) + record.value, room, this.type(index), this.shape(index));
  }

  #record(index: number): number {
    return this.#recordsStart + index * this.#recordBytes;
  }
}

function serverOf(directory: Directory, group: PlacedGroup): PlacedServer {
  const server = directory.servers[group.serverIndex];
  if (server === undefined) throw new RangeError(`no server ${group.serverIndex}`);
  return server;
}
