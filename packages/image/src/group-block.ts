// The writer's face of one group's block: a client fills it as a PointSink, `publish` makes the whole poll visible at once.
//
// Between `begin` and `publish` the block holds a copy of the last poll in the bank that no reader looks at, so a point that is
// not set keeps what it had. What comes after `publish` (a late answer to a poll that was given up) is dropped. The memory below may be
// exchanged at any time (`moveTo`), also in the middle of a poll: a new generation of the image takes everything along.

import { BankPair } from "./bank-pair.ts";
import type { ChangeScan } from "./change-scan.ts";
import type { PlacedGroup, PlacedPoint } from "./directory.ts";
import { bucketOf } from "./duration-histogram.ts";
import type { ImageMemory } from "./image-memory.ts";
import { writeInstant } from "./instant-words.ts";
import {
  block,
  ConnectionState,
  groupCounters,
  histogramBytes,
  histograms,
  mostDimensions,
  poll,
  record,
} from "./layout.ts";
import type { GroupCounter, Histogram } from "./layout.ts";
import { isInline, writeLongValue } from "./long-value.ts";
import type { PointSink } from "./point-sink.ts";
import { readWallClock } from "./posix/wall-clock.ts";
import { BuiltInType } from "./values/built-in-type.ts";
import { isBad, StatusCode } from "./values/status-code.ts";
import type { Timestamp } from "./values/timestamp.ts";
import type { Value } from "./values/value.ts";

const recordWords = record.bytes / 4;
const valueWord = record.value / 4;
const sourceWord = record.sourceNs / 4;
const receivedWord = record.receivedNs / 4;
const statusWord = record.status / 4;
const typeWord = record.type / 4;

const noTime: Timestamp = { unixMs: 0, subMsNs: 0 };

/** What is longer than this stays cut and flagged: one value must not eat the gateway's memory. */
export const maximumRoomBytes = 64 * 1024;

/** When a poll is published. */
const now = new Uint32Array(2);

export class GroupBlock implements PointSink {
  #group: PlacedGroup;
  readonly #banks: BankPair;
  readonly #changes: ChangeScan;
  #bytes!: Buffer;
  #words!: Uint32Array;
  #floats!: Float32Array;
  #doubles!: Float64Array;
  #integers!: BigInt64Array;
  /** Byte offset of the bank being written, and word index of its first record. */
  #bank = 0;
  #recordBase = 0;
  /** When the poll began, and when the last response came: low and high word each. */
  readonly #requested = new Uint32Array(2);
  readonly #received = new Uint32Array(2);
  #truncated = new Map<number, number>();
  /** Points whose key the server has yet to confirm. */
  #expected: readonly number[] = [];
  #isWithholding = false;

  constructor(group: PlacedGroup, memory: ImageMemory, changes: ChangeScan) {
    this.#group = group;
    this.#banks = new BankPair(group, memory);
    this.#changes = changes;
    this.#attach(memory);
    this.#publishFirst();
  }

  get points(): readonly PlacedPoint[] {
    return this.#group.points;
  }

  /** Points whose last values did not fit, with the bytes they need; the caller makes room in a new generation. */
  get truncatedPoints(): ReadonlyMap<number, number> {
    return this.#truncated;
  }

  /** True when more room would help: a value was cut, and not because it is longer than any may be. */
  get wantsRoom(): boolean {
    if (this.#truncated.size === 0) return false;
    return [...this.#truncated.keys()].some((index) => (this.points[index]?.capacityBytes ?? 0) < maximumRoomBytes);
  }

  /** There are values of points whose key is only expected: they are not shown, since it may turn out to be another point's. */
  get isWithholding(): boolean {
    return this.#isWithholding;
  }

  /** `requested`: both words of when the poll began; absent: now. */
  begin(requested?: ArrayLike<number>): void {
    this.#banks.begin();
    this.#openBank();
    if (requested === undefined) readWallClock(this.#requested);
    else this.#requested.set(requested);
    this.#received.set(this.#requested);
  }

  responseCame(): void {
    readWallClock(this.#received);
  }

  /** The same of a response that another thread took, at this time. */
  responseCameAt(low: number, high: number): void {
    this.#received[0] = low;
    this.#received[1] = high;
  }

  setNumber(index: number, type: BuiltInType, value: number): void {
    if (!this.#banks.isOpen) return;
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
    this.#stamp(at);
    words[at + statusWord] = StatusCode.Good;
    words[at + typeWord] = type;
  }

  setTimedNumber(
    index: number,
    type: BuiltInType,
    value: number,
    status: number,
    sourceUnixMs: number,
    sourceSubMsNs: number,
  ): void {
    if (!this.#banks.isOpen) return;
    this.setNumber(index, type, value);
    const at = this.#recordBase + index * recordWords;
    writeInstant(this.#words, at + sourceWord, sourceUnixMs, sourceSubMsNs);
    this.#words[at + statusWord] = status;
  }

  setValue(index: number, value: Value, status: number, sourceTimestamp?: Timestamp): void {
    if (!this.#banks.isOpen) return;
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
    const { unixMs, subMsNs } = sourceTimestamp ?? noTime;
    writeInstant(words, at + sourceWord, unixMs, subMsNs);
    this.#stamp(at);
    words[at + statusWord] = finalStatus;
    words[at + typeWord] = type | (shape << 8);
  }

  setStatus(index: number, status: number): void {
    if (!this.#banks.isOpen) return;
    const at = this.#recordBase + index * recordWords;
    this.#words[at + statusWord] = status;
    this.#stamp(at);
  }

  unchanged(index: number): void {
    if (this.#banks.isOpen) this.#stamp(this.#recordBase + index * recordWords);
  }

  /** Marks every point; values and times stay, so that a reader sees what was last known and how old it is. */
  setEveryStatus(status: number): void {
    for (let index = 0; index < this.#group.points.length; index++) {
      this.#words[this.#recordBase + index * recordWords + statusWord] = status;
    }
  }

  /** `durationMs` is given when the server has answered: that of the poll, or null when it sent by itself. */
  publish(connection: ConnectionState, durationMs?: number | null): void {
    const head = this.#bank;
    this.#withhold();
    readWallClock(now);
    this.#words[(head + poll.connection) / 4] = connection;
    this.#setWords((head + poll.requestedNs) / 4, this.#requested);
    this.#setWords((head + poll.publishedNs) / 4, now);
    if (durationMs !== undefined) {
      this.#setWords((head + poll.lastGoodNs) / 4, now);
      this.#integers[(head + poll.cycle) / 8] = this.count("polls");
    }
    if (typeof durationMs === "number") {
      const durationUs = durationMs * 1000;
      writeInstant(this.#words, (head + poll.durationNs) / 4, 0, Math.round(durationUs * 1000));
      this.#countIn("pollDuration", durationUs);
    }
    const position = this.#changes.scan(this.#group, this.#words, this.#banks.publishedBank, head, {
      sourceToReceived: this.#histogramAt("sourceToReceived"),
      receivedToPublished: this.#histogramAt("receivedToPublished"),
    });
    this.#integers[(head + poll.journalPosition) / 8] = position;
    this.#banks.publish();
  }

  /** Adds to a counter and returns its new value. */
  count(counter: GroupCounter, by = 1n): bigint {
    const at = (this.#group.blockOffset + block.counters) / 8 + groupCounters.indexOf(counter);
    const value = (this.#integers[at] ?? 0n) + by;
    this.#integers[at] = value;
    return value;
  }

  /** Takes everything along into the memory of a new generation: same group, same points, other places. */
  moveTo(group: PlacedGroup, memory: ImageMemory): void {
    const old = { bytes: this.#bytes, points: this.#group.points };
    const fixedBytes = poll.bytes + old.points.length * record.bytes;
    const target = memory.bytes;
    this.#banks.moveTo(group, memory, (from, to) => {
      target.set(old.bytes.subarray(from, from + fixedBytes), to);
      for (const [index, point] of old.points.entries()) {
        const room = group.points[index];
        if (room === undefined) continue;
        const bytes = Math.min(point.capacityBytes, room.capacityBytes);
        const start = from + point.roomOffset;
        target.set(old.bytes.subarray(start, start + bytes), to + room.roomOffset);
      }
    });
    this.#group = group;
    this.#attach(memory);
    this.#openBank();
    this.#truncated = new Map(
      [...this.#truncated].filter(([index, bytes]) => (group.points[index]?.capacityBytes ?? 0) < bytes),
    );
  }

  /** Every point waits for its first value. A journal begins with changes, so this is none. */
  #publishFirst(): void {
    this.begin();
    for (let index = 0; index < this.#group.points.length; index++)
      this.setStatus(index, StatusCode.BadWaitingForInitialData);
    this.#words[(this.#bank + poll.connection) / 4] = ConnectionState.waiting;
    this.#words.set(this.#received, (this.#bank + poll.publishedNs) / 4);
    this.#integers[(this.#bank + poll.journalPosition) / 8] = this.#changes.position;
    this.#banks.publish();
  }

  /** Another journal takes the changes: it begins behind what readers see now. A poll that is under way says so itself. */
  restamp(): void {
    if (this.#banks.isOpen) return;
    this.#banks.begin();
    this.#openBank();
    this.#integers[(this.#bank + poll.journalPosition) / 8] = this.#changes.position;
    this.#banks.publish();
  }

  #setWords(at: number, words: Uint32Array): void {
    this.#words[at] = words[0] ?? 0;
    this.#words[at + 1] = words[1] ?? 0;
  }

  #withhold(): void {
    this.#isWithholding = false;
    for (const index of this.#expected) {
      const at = this.#recordBase + index * recordWords;
      const status = this.#words[at + statusWord] ?? 0;
      // A value that was withheld before and has not changed since is withheld still.
      const isWithheld = status === StatusCode.BadWaitingForInitialData && this.#words[at + typeWord] !== 0;
      if (isBad(status) && !isWithheld) continue;
      this.#words[at + statusWord] = StatusCode.BadWaitingForInitialData;
      this.#isWithholding = true;
    }
  }

  #openBank(): void {
    this.#bank = this.#banks.openBank;
    this.#recordBase = (this.#bank + poll.bytes) / 4;
  }

  #stamp(at: number): void {
    this.#words[at + receivedWord] = this.#received[0] ?? 0;
    this.#words[at + receivedWord + 1] = this.#received[1] ?? 0;
  }

  #attach(memory: ImageMemory): void {
    const { points } = this.#group;
    this.#expected = points.flatMap(({ isExpected }, index) => (isExpected === true ? [index] : []));
    this.#bytes = memory.bytes;
    this.#words = memory.words;
    this.#floats = memory.floats;
    this.#doubles = memory.doubles;
    this.#integers = memory.integers;
  }

  #setLongValue(index: number, at: number, value: Value): boolean {
    const point = this.#group.points[index];
    if (point === undefined) return false;
    const start = this.#bank + point.roomOffset;
    const extent = writeLongValue(this.#bytes.subarray(start, start + point.capacityBytes), value);
    this.#words[at + valueWord] = extent.lengthBytes;
    this.#words[at + valueWord + 1] = extent.elements;
    if (extent.neededBytes <= point.capacityBytes) return true;
    this.#truncated.set(index, extent.neededBytes);
    return false;
  }

  #countIn(histogram: Histogram, durationUs: number): void {
    const at = this.#histogramAt(histogram) + bucketOf(durationUs);
    this.#words[at] = (this.#words[at] ?? 0) + 1;
  }

  /** Word index of its first bucket. */
  #histogramAt(histogram: Histogram): number {
    return (this.#group.blockOffset + block.bytes + histograms.indexOf(histogram) * histogramBytes) / 4;
  }
}
