// The reading side of an image: names, states, values. It only ever reads its memory, so a read-only mapping is enough.

import { BankCopy } from "./bank-copy.ts";
import { BankReader } from "./bank-reader.ts";
import type { Directory, PlacedGroup, PlacedServer } from "./directory.ts";
import { GroupSnapshot } from "./group-snapshot.ts";
import {
  block,
  durationBuckets,
  groupCounters,
  header,
  histogramBytes,
  histograms,
  serverCounters,
  serverState,
  type BankStrides,
  type ConnectionState,
  type GroupCounter,
  type Histogram,
  type ServerCounter,
} from "./layout.ts";
import { ImageHeader } from "./image-header.ts";
import { readDirectory } from "./read-directory.ts";

/** What is known of a server's connection. Instants are nanoseconds since 1970-01-01 UTC, 0n for none. */
export interface ServerState {
  readonly connection: ConnectionState;
  /** The last change of `connection`. */
  readonly changedNs: bigint;
  /** The last failure, "" for none so far; whether it is over, `connection` tells. */
  readonly error: string;
  readonly errorNs: bigint;
  readonly certificateEndsNs: bigint;
  /** Of the certificate that the server is shown. */
  readonly ownCertificateEndsNs: bigint;
  /** The most that one request may ask for, as the server's refusals have taught; 0 for no limit. */
  readonly requestLimit: number;
}

export class ImageReader extends ImageHeader {
  readonly directory: Directory;
  /** Of the state of each server that was asked for. */
  readonly #stateCopies: BankCopy[] = [];
  readonly #strides: BankStrides;

  /** Throws an ImageError when the memory holds no image, or not the whole of one, or one of another major version. */
  constructor(memory: ArrayBufferLike) {
    super(memory);
    this.directory = readDirectory(memory);
    this.#strides = { pollBytes: this.load(header.pollBytes), recordBytes: this.load(header.recordBytes) };
  }

  serverCount(serverIndex: number, counter: ServerCounter): bigint {
    const at = (this.#server(serverIndex).blockOffset + block.counters) / 8;
    return this.integers[at + serverCounters.indexOf(counter)] ?? 0n;
  }

  groupCount(groupIndex: number, counter: GroupCounter): bigint {
    const at = (this.#group(groupIndex).blockOffset + block.counters) / 8;
    return this.integers[at + groupCounters.indexOf(counter)] ?? 0n;
  }

  /** How many durations fell into each bucket, see `duration-histogram.ts`. */
  histogram(groupIndex: number, name: Histogram): Uint32Array {
    const start = this.#group(groupIndex).blockOffset + block.bytes + histograms.indexOf(name) * histogramBytes;
    return new Uint32Array(this.memory, start, durationBuckets).slice();
  }

  /** Undefined when the writer overtook all attempts to copy it. */
  serverState(serverIndex: number): ServerState | undefined {
    const copy = (this.#stateCopies[serverIndex] ??= new BankCopy(this.#server(serverIndex), this.memory));
    if (!copy.refresh()) return undefined;
    const bytes = Buffer.from(copy.buffer);
    const ns = (field: number): bigint => bytes.readBigInt64LE(field);
    const errorBytes = bytes.readUInt32LE(serverState.errorBytes);
    return {
      connection: bytes.readUInt32LE(serverState.connection) as ConnectionState,
      changedNs: ns(serverState.changedNs),
      error: bytes.toString("utf8", serverState.error, serverState.error + Math.min(errorBytes, serverState.bytes)),
      errorNs: ns(serverState.errorNs),
      certificateEndsNs: ns(serverState.certificateEndsNs),
      ownCertificateEndsNs: ns(serverState.ownCertificateEndsNs),
      requestLimit: bytes.readUInt32LE(serverState.requestLimit),
    };
  }

  /** The number of the last complete publication of a group, 32 bits, wraps. */
  published(groupIndex: number): number {
    return this.load(this.#group(groupIndex).blockOffset + block.published);
  }

  /** Looks straight at the last complete bank. Only for the writer's own thread, where nothing can overtake. */
  view(groupIndex: number): BankReader {
    const group = this.#group(groupIndex);
    const start = group.banksOffset + (this.published(groupIndex) & 1) * group.bankBytes;
    return new BankReader(this.directory, group, this.memory, start, this.#strides);
  }

  /** A copy to be refreshed by the caller, as often as he likes; empty until then. */
  reusableSnapshot(groupIndex: number): GroupSnapshot {
    return new GroupSnapshot(this.directory, this.#group(groupIndex), this.memory, this.#strides);
  }

  /** A copy of the last complete poll of a group; undefined when the writer overtook all attempts. */
  snapshot(groupIndex: number): GroupSnapshot | undefined {
    const snapshot = this.reusableSnapshot(groupIndex);
    return snapshot.refresh() ? snapshot : undefined;
  }

  #server(index: number): PlacedServer {
    const server = this.directory.servers[index];
    if (server === undefined)
      throw new RangeError(`no server ${index}: the image has ${this.directory.servers.length}`);
    return server;
  }

  #group(index: number): PlacedGroup {
    const group = this.directory.groups[index];
    if (group === undefined) throw new RangeError(`no group ${index}: the image has ${this.directory.groups.length}`);
    return group;
  }
}
