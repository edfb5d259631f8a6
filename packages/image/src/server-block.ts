// The writer's face of one server's block: a client fills it as a PointSink, `publish` makes the whole poll visible at once.
//
// Between `begin` and `publish` the block holds a copy of the last poll in the bank that no reader looks at, so a point that is
// not set keeps what it had. What comes after `publish` (a late answer to a poll that was given up) is dropped. The memory below may be exchanged at any time (`moveTo`), also in the middle of a poll: a new
// generation of the image takes everything along.

import { BuiltInType } from "./values/built-in-type.ts";
import type { PointSink } from "./point-sink.ts";
import type { FailureKind } from "./failure-kind.ts";
import { isBad, StatusCode } from "./values/status-code.ts";
import { wallClockNow, type Timestamp } from "./values/timestamp.ts";
import type { Value } from "./values/value.ts";
import type { PlacedPoint, PlacedServer } from "./directory.ts";
import {
  block,
  ConnectionState,
  durationBuckets,
  errorTextBytes,
  header,
  mostDimensions,
  poll,
  record,
  serverCounters,
  type ServerCounter,
} from "./layout.ts";
import type { ImageMemory } from "./image-memory.ts";
import { isInline, writeLongValue } from "./long-value.ts";
import { memoryFence } from "./memory-fence.ts";

const recordWords = record.bytes / 4;
const valueWord = record.value / 4;
const sourceWord = record.sourceNs / 4;
const receivedWord = record.receivedNs / 4;
const statusWord = record.status / 4;
const typeWord = record.type / 4;
const highWord = 0x1_0000_0000;

/** What is longer than this stays cut and flagged: one value must not eat the gateway's memory. */
export const maximumRoomBytes = 64 * 1024;

/** What a poll, or the lack of one, says about the source. */
export interface SourceState {
  readonly connection: ConnectionState;
  /** A failure that just happened; without one the last stays in place. */
  readonly error?: string;
  /** Wall clock; undefined leaves what was known. */
  readonly certificateEndsMs?: number | undefined;
  readonly ownCertificateEndsMs?: number | undefined;
}

export class ServerBlock implements PointSink {
  #server: PlacedServer;
  #memory!: ImageMemory;
  #bytes!: Buffer;
  #words!: Uint32Array;
  #floats!: Float32Array;
  #doubles!: Float64Array;
  #integers!: BigInt64Array;
  /** Word index of the first record, and byte offset, of the bank being written. */
  #recordBase = 0;
  #bank = 0;
  #open = false;
  #receivedLow = 0;
  #receivedHigh = 0;
  #tooSmall = new Map<number, number>();
  /** Points whose key the server has yet to confirm. */
  #expected: readonly number[] = [];
  #isWithholding = false;

  constructor(server: PlacedServer, memory: ImageMemory) {
    this.#server = server;
    this.#attach(server, memory);
    this.begin();
    for (let index = 0; index < server.points.length; index++)
      this.setStatus(index, StatusCode.BadWaitingForInitialData);
    this.publish({ connection: ConnectionState.waiting });
  }

  get points(): readonly PlacedPoint[] {
    return this.#server.points;
  }

  /** Points whose last values did not fit, with the bytes they need; the caller makes room in a new generation. */
  get tooSmall(): ReadonlyMap<number, number> {
    return this.#tooSmall;
  }

  /** True when more room would help: a value was cut, and not because it is longer than any may be. */
  get wantsRoom(): boolean {
    return [...this.#tooSmall.keys()].some((index) => (this.points[index]?.capacityBytes ?? 0) < maximumRoomBytes);
  }

  /** The last poll had values of points whose key is only expected: they are not shown, since it may turn out to be another point's. */
  get isWithholding(): boolean {
    return this.#isWithholding;
  }

  begin(): void {
    const published = this.#word(block.published);
    this.#storeWord(block.begun, published + 1);
    memoryFence();
    const source = this.#bankOffset(published);
    this.#bank = this.#bankOffset(published + 1);
    this.#bytes.copyWithin(this.#bank, source, source + this.#server.bankBytes);
    this.#recordBase = (this.#bank + poll.bytes) / 4;
    this.#open = true;
    const now = wallClockNow();
    [this.#receivedLow, this.#receivedHigh] = wordsOf(now);
  }

  setNumber(index: number, type: BuiltInType, value: number): void {
    if (!this.#open) return;
    const at = this.#recordBase + index * recordWords;
    const words = this.#words;
    switch (type) {
      case BuiltInType.Double:
        this.#doubles[(at + valueWord) >> 1] = value;
        break;
      case BuiltInType.Float:
        this.#floats[at + valueWord] = value;
        words[at + valueWord + 1] = 0;
        break;
      default: // integers and Boolean, widened to 64 bits with their sign
        words[at + valueWord] = value;
        words[at + valueWord + 1] = value < 0 ? 0xffffffff : 0;
    }
    words[at + sourceWord] = 0;
    words[at + sourceWord + 1] = 0;
    words[at + receivedWord] = this.#receivedLow;
    words[at + receivedWord + 1] = this.#receivedHigh;
    words[at + statusWord] = StatusCode.Good;
    words[at + typeWord] = type;
  }

  setValue(index: number, value: Value, status: number, sourceTimestamp?: Timestamp): void {
    if (!this.#open) return;
    if ((value.dimensions?.length ?? 0) > mostDimensions) {
      this.setValue(index, { type: value.type, value: [] }, StatusCode.BadEncodingLimitsExceeded, sourceTimestamp);
      return;
    }
    const { type } = value;
    const content = value.value;
    const isNullInline = content === null && isInline(type);
    const shape = Array.isArray(content) ? (value.dimensions?.length ?? 1) : isNullInline ? 1 : 0;
    const at = this.#recordBase + index * recordWords;
    const words = this.#words;
    let finalStatus = status;
    if (shape === 0 && isInline(type) && content !== null) {
      if (typeof content === "bigint") {
        this.#integers[(at + valueWord) >> 1] = BigInt.asIntN(64, content);
      } else {
        this.setNumber(index, type, Number(content));
      }
    } else {
      const fits = this.#setLongValue(index, at, value);
      if (!fits) finalStatus = StatusCode.BadEncodingLimitsExceeded;
    }
    const [low, high] = sourceTimestamp === undefined ? [0, 0] : wordsOf(sourceTimestamp);
    words[at + sourceWord] = low;
    words[at + sourceWord + 1] = high;
    words[at + receivedWord] = this.#receivedLow;
    words[at + receivedWord + 1] = this.#receivedHigh;
    words[at + statusWord] = finalStatus;
    words[at + typeWord] = type | (shape << 8);
  }

  setStatus(index: number, status: number): void {
    if (!this.#open) return;
    const at = this.#recordBase + index * recordWords;
    this.#words[at + statusWord] = status;
    this.#words[at + receivedWord] = this.#receivedLow;
    this.#words[at + receivedWord + 1] = this.#receivedHigh;
  }

  /** Marks every point; the values stay, so that a reader sees what was last known and how old it is. */
  setEveryStatus(status: number): void {
    for (let index = 0; index < this.#server.points.length; index++) {
      this.#words[this.#recordBase + index * recordWords + statusWord] = status;
    }
  }

  /** `durationMs` is given by a poll that the server answered. */
  publish(source: SourceState, durationMs?: number): void {
    const head = this.#bank;
    this.#withhold();
    const now = this.#nowNs();
    this.#words[(head + poll.connection) / 4] = source.connection;
    if (source.error !== undefined) {
      this.#setError(source.error);
      this.#integers[(head + poll.errorNs) / 8] = now;
    }
    this.#integers[(head + poll.publishedNs) / 8] = now;
    if (source.certificateEndsMs !== undefined) {
      this.#integers[(head + poll.certificateEndsNs) / 8] = BigInt(Math.round(source.certificateEndsMs)) * 1_000_000n;
    }
    if (source.ownCertificateEndsMs !== undefined) {
      const endsNs = BigInt(Math.round(source.ownCertificateEndsMs)) * 1_000_000n;
      this.#integers[(head + poll.ownCertificateEndsNs) / 8] = endsNs;
    }
    if (durationMs !== undefined) {
      this.#integers[(head + poll.lastGoodNs) / 8] = now;
      this.#integers[(head + poll.durationNs) / 8] = BigInt(Math.round(durationMs * 1e6));
      this.#integers[(head + poll.cycle) / 8] = this.count("polls");
      this.#countDuration(durationMs);
    }
    this.#open = false;
    this.#storeWord(block.published, this.#word(block.begun));
    this.#memory.wake(this.#server.blockOffset + block.published);
    Atomics.add(this.#words, header.publications / 4, 1);
    this.#memory.wake(header.publications);
  }

  /** Adds to a counter and returns its new value. */
  count(counter: ServerCounter, by = 1n): bigint {
    const at = (this.#server.blockOffset + block.counters) / 8 + serverCounters.indexOf(counter);
    const value = (this.#integers[at] ?? 0n) + by;
    this.#integers[at] = value;
    return value;
  }

  set(counter: ServerCounter, value: bigint): void {
    this.#integers[(this.#server.blockOffset + block.counters) / 8 + serverCounters.indexOf(counter)] = value;
  }

  countFailure(code: FailureKind): void {
    this.count(`failed${code}`);
  }

  /** Takes everything along into the memory of a new generation: same server, same points, other places. */
  moveTo(server: PlacedServer, memory: ImageMemory): void {
    const old = { bytes: this.#bytes, server: this.#server, bank: this.#bank };
    const wasOpen = this.#open;
    this.#attach(server, memory);
    const counters = old.bytes.subarray(old.server.blockOffset, old.server.blockOffset + block.banks);
    this.#bytes.set(counters, server.blockOffset);
    for (const bankIndex of [0, 1]) this.#moveBank(bankIndex, old);
    this.#bank = old.bank - bankOffset(old.server, 0) === 0 ? bankOffset(server, 0) : bankOffset(server, 1);
    this.#recordBase = (this.#bank + poll.bytes) / 4;
    this.#open = wasOpen;
    this.#tooSmall = new Map(
      [...this.#tooSmall].filter(([index, bytes]) => (server.points[index]?.capacityBytes ?? 0) < bytes),
    );
  }

  #moveBank(bankIndex: number, old: { readonly bytes: Buffer; readonly server: PlacedServer }): void {
    const from = bankOffset(old.server, bankIndex);
    const to = bankOffset(this.#server, bankIndex);
    const fixedBytes = poll.bytes + old.server.points.length * record.bytes;
    this.#bytes.set(old.bytes.subarray(from, from + fixedBytes), to);
    for (const [index, point] of old.server.points.entries()) {
      const target = this.#server.points[index];
      if (target === undefined) continue;
      const bytes = Math.min(point.capacityBytes, target.capacityBytes);
      this.#bytes.set(
        old.bytes.subarray(from + point.roomOffset, from + point.roomOffset + bytes),
        to + target.roomOffset,
      );
    }
  }

  #withhold(): void {
    this.#isWithholding = false;
    for (const index of this.#expected) {
      const at = this.#recordBase + index * recordWords + statusWord;
      if (isBad(this.#words[at] ?? 0)) continue;
      this.#words[at] = StatusCode.BadWaitingForInitialData;
      this.#isWithholding = true;
    }
  }

  #attach(server: PlacedServer, memory: ImageMemory): void {
    this.#server = server;
    this.#expected = server.points.flatMap(({ isExpected }, index) => (isExpected === true ? [index] : []));
    this.#memory = memory;
    this.#bytes = Buffer.from(memory.buffer);
    this.#words = new Uint32Array(memory.buffer);
    this.#floats = new Float32Array(memory.buffer);
    this.#doubles = new Float64Array(memory.buffer);
    this.#integers = new BigInt64Array(memory.buffer);
  }

  #setLongValue(index: number, at: number, value: Value): boolean {
    const point = this.#server.points[index];
    if (point === undefined) return false;
    const start = this.#bank + point.roomOffset;
    const extent = writeLongValue(this.#bytes.subarray(start, start + point.capacityBytes), value);
    this.#words[at + valueWord] = extent.lengthBytes;
    this.#words[at + valueWord + 1] = extent.elements;
    if (extent.neededBytes <= point.capacityBytes) return true;
    this.#tooSmall.set(index, extent.neededBytes);
    return false;
  }

  #setError(error: string): void {
    const at = this.#bank + poll.error;
    const bytes = Buffer.from(error, "utf8");
    let end = Math.min(bytes.length, errorTextBytes);
    while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
    this.#bytes.fill(0, at, at + errorTextBytes).set(bytes.subarray(0, end), at);
    this.#words[(this.#bank + poll.errorBytes) / 4] = end;
  }

  #countDuration(durationMs: number): void {
    const bucket = Math.floor(4 * Math.log2(Math.max(1, durationMs * 1000)));
    const at = (this.#server.blockOffset + block.durations) / 4 + Math.min(durationBuckets - 1, bucket);
    this.#words[at] = (this.#words[at] ?? 0) + 1;
  }

  #nowNs(): bigint {
    const [low, high] = wordsOf(wallClockNow());
    return (BigInt(high) << 32n) | BigInt(low);
  }

  #bankOffset(publication: number): number {
    return bankOffset(this.#server, publication & 1);
  }

  #word(offset: number): number {
    return Atomics.load(this.#words, (this.#server.blockOffset + offset) / 4);
  }

  #storeWord(offset: number, value: number): void {
    Atomics.store(this.#words, (this.#server.blockOffset + offset) / 4, value);
  }
}

function bankOffset(server: PlacedServer, bankIndex: number): number {
  return server.blockOffset + block.banks + bankIndex * server.bankBytes;
}

/** The 64-bit nanoseconds of an instant as two words, in plain numbers: a BigInt for each point and poll would cost more than the rest. */
function wordsOf(timestamp: Timestamp): readonly [low: number, high: number] {
  const coarse = Math.floor(timestamp.unixMs / 65536);
  const coarseNs = coarse * 1e6; // in units of 65536 ns, exact below 2^53
  const fineNs = (timestamp.unixMs - coarse * 65536) * 1e6 + timestamp.subMsNs;
  const upper = Math.floor(coarseNs / 65536);
  const low = (coarseNs - upper * 65536) * 65536 + fineNs;
  const carry = Math.floor(low / highWord);
  return [low - carry * highWord, (upper + carry) >>> 0];
}
