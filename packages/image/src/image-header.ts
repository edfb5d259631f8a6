// What the header of an image tells, without its directory: enough for whoever only asks whether somebody keeps it up to date.

import {
  byteOrderMark,
  header,
  ImageState,
  magicWords,
  majorVersion,
  minorWithServices,
  serviceCounters,
  type ServiceCounter,
} from "./layout.ts";
import { ImageError } from "./read-directory.ts";
import { serviceOfCode, servicesOfBits, type ServiceName } from "./service-name.ts";

export class ImageHeader {
  protected readonly memory: ArrayBufferLike;
  protected readonly integers: BigInt64Array;
  readonly #words: Uint32Array;

  /** Throws an ImageError when the memory holds no image, or not the whole of one, or one of another major version. */
  constructor(memory: ArrayBufferLike) {
    if (memory.byteLength < header.bytes) throw refusal(`${memory.byteLength} bytes cannot hold one`);
    this.memory = memory;
    this.#words = new Uint32Array(memory);
    this.integers = new BigInt64Array(memory);
    const magic = [this.load(header.magic), this.load(header.magic + 4)];
    if (magic[0] !== magicWords[0] || magic[1] !== magicWords[1]) throw refusal("its magic is not there (yet)");
    if (this.load(header.byteOrder) !== byteOrderMark) throw refusal("it has another byte order");
    const version = this.load(header.version);
    if (version >>> 16 !== majorVersion)
      throw refusal(`it has version ${version >>> 16}.${version & 0xffff} and this reader knows ${majorVersion}`);
    const imageBytes = this.integers[header.imageBytes / 8] ?? 0n;
    if (imageBytes < BigInt(header.bytes) || imageBytes > BigInt(memory.byteLength))
      throw refusal(`it has ${imageBytes} bytes and ${memory.byteLength} are there`);
  }

  get service(): ServiceName {
    return serviceOfCode(this.load(header.service));
  }

  /** What the partition of this image runs, this service included; empty: the writer does not tell. */
  get services(): readonly ServiceName[] {
    const minorVersion = this.load(header.version) & 0xffff;
    return minorVersion < minorWithServices ? [] : servicesOfBits(this.load(header.services));
  }

  get generation(): number {
    return this.load(header.generation);
  }

  /** The generation since which every point has had its number. */
  get pointsSince(): number {
    return this.load(header.pointsSince);
  }

  get intervalMs(): number {
    return this.load(header.intervalMs);
  }

  /** Changes when the values of a tick are complete, when a server came or went, and at retirement. */
  get ticks(): number {
    return this.load(header.ticks);
  }

  get isRetired(): boolean {
    return this.load(header.state) === ImageState.retired;
  }

  get heartbeatNs(): bigint {
    return this.integers[header.heartbeatNs / 8] ?? 0n;
  }

  get startedNs(): bigint {
    return this.integers[header.startedNs / 8] ?? 0n;
  }

  /** Publications of all blocks, 32 bits, wraps; also grows when the image is retired. */
  get publications(): number {
    return this.load(header.publications);
  }

  serviceCount(counter: ServiceCounter): bigint {
    return this.integers[header.counters / 8 + serviceCounters.indexOf(counter)] ?? 0n;
  }

  protected load(offset: number): number {
    return Atomics.load(this.#words, offset / 4);
  }
}

function refusal(why: string): ImageError {
  return new ImageError(`cannot read a process image because ${why}`);
}
