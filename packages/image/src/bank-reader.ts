// One poll of one server: the state of the source and what every point had. It lies in the image itself or in a reader's copy.
//
// Nothing here allocates for `connection`, `status`, `type`, `shape` and `number`; `value`, `reading` and `state` make objects.

import { BuiltInType } from "./values/built-in-type.ts";
import type { Value } from "./values/value.ts";
import type { PlacedServer } from "./directory.ts";
import { ownStrides, poll, record, type BankStrides, type ConnectionState } from "./layout.ts";
import { isInline, readLongValue } from "./long-value.ts";

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
  /** 0n: no certificate of our own. */
  readonly ownCertificateEndsNs: bigint;
}

export interface PointReading extends Value {
  readonly status: number;
  /** 0n: the server gave none. */
  readonly sourceNs: bigint;
  readonly receivedNs: bigint;
}

export class BankReader {
  readonly server: PlacedServer;
  readonly #start: number;
  readonly #recordsStart: number;
  readonly #recordBytes: number;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #doubles: Float64Array;
  readonly #integers: BigInt64Array;

  constructor(server: PlacedServer, memory: ArrayBufferLike, start: number, strides: BankStrides = ownStrides) {
    this.server = server;
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
      ownCertificateEndsNs: integer(poll.ownCertificateEndsNs),
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
    return this.#recordsStart + index * this.#recordBytes;
  }
}
