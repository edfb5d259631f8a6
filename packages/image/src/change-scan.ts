// Finds what a publication changes: for each point the record about to be published is held against the one that readers see now. Every
// change of value or status goes into the journal, if there is one, and its delays are counted.
//
// The comparison costs some nanoseconds for each point; it is done once for a publication, so nothing of a poll that is given up gets out.

import type { PlacedGroup } from "./directory.ts";
import { bucketOf } from "./duration-histogram.ts";
import { microsecondsBetween } from "./instant-words.ts";
import type { JournalWriter } from "./journal-writer.ts";
import { nullLength, poll, record } from "./layout.ts";
import { isInline } from "./long-value.ts";
import { BuiltInType } from "./values/built-in-type.ts";

const recordWords = record.bytes / 4;
const valueWord = record.value / 4;
const sourceWord = record.sourceNs / 4;
const receivedWord = record.receivedNs / 4;
const statusWord = record.status / 4;
const typeWord = record.type / 4;

/** Word indexes of the first bucket of the group's histograms. */
export interface Histograms {
  readonly sourceToReceived: number;
  readonly receivedToPublished: number;
}

export class ChangeScan {
  /** Where every change goes; undefined: nowhere. */
  journal: JournalWriter | undefined;
  /** Of the image that is being written. */
  generation = 1;

  /** Behind the last change that the journal has; 0 without a journal. */
  get position(): bigint {
    return this.journal?.position ?? 0n;
  }

  /**
   * `before` and `after` are byte offsets of banks in the memory of `words`. Returns the journal position that belongs to the publication,
   * 0 without a journal.
   */
  scan(group: PlacedGroup, words: Uint32Array, before: number, after: number, histograms: Histograms): bigint {
    const publishedAt = (after + poll.publishedNs) / 4;
    const { points } = group;
    let old = (before + poll.bytes) / 4;
    let now = (after + poll.bytes) / 4;
    const { journal } = this;
    journal?.begin(group.index, this.generation, words[publishedAt] ?? 0, words[publishedAt + 1] ?? 0);
    // The values of one response came at the same instant: its delay is computed once.
    let receivedLow = 0;
    let receivedHigh = 0;
    let published = -1;
    for (let index = 0; index < points.length; index++, old += recordWords, now += recordWords) {
      const isSame =
        words[old + valueWord] === words[now + valueWord] &&
        words[old + statusWord] === words[now + statusWord] &&
        words[old + valueWord + 1] === words[now + valueWord + 1] &&
        words[old + typeWord] === words[now + typeWord];
      // The point itself is looked at only where it has a room: this loop goes through the bank, not through a thousand objects.
      const point = liesInRecord(words[now + typeWord] as number) ? undefined : points[index];
      const room = point === undefined ? 0 : roomBytes(words, now, point.capacityBytes);
      if (isSame && (point === undefined || hasSameRoom(words, before, after, point.roomOffset, room))) continue;
      const low = words[now + receivedWord] as number;
      const high = words[now + receivedWord + 1] as number;
      if (words[old + receivedWord] !== low || words[old + receivedWord + 1] !== high) {
        if (words[now + sourceWord] !== 0 || words[now + sourceWord + 1] !== 0) {
          const sourceUs = microsecondsBetween(words, now + sourceWord, now + receivedWord);
          words[histograms.sourceToReceived + bucketOf(sourceUs)]!++;
        }
        if (published < 0 || low !== receivedLow || high !== receivedHigh) {
          receivedLow = low;
          receivedHigh = high;
          published =
            histograms.receivedToPublished + bucketOf(microsecondsBetween(words, now + receivedWord, publishedAt));
        }
        words[published]!++;
      }
      journal?.append(group.firstPoint + index, words, now, after + (point?.roomOffset ?? 0), room);
    }
    return journal?.commit() ?? 0n;
  }
}

/** A bit for each built-in type of which a scalar needs no room. */
const typesInRecord = Object.values(BuiltInType).reduce<number>(
  (bits, type) => (isInline(type) ? bits | (1 << type) : bits),
  0,
);

/** `kind` is the type and the shape of a record. */
function liesInRecord(kind: number): boolean {
  return kind < 32 && ((typesInRecord >>> kind) & 1) === 1;
}

/** Bytes of the point's room that its record refers to. */
function roomBytes(words: Uint32Array, at: number, capacityBytes: number): number {
  const length = words[at + valueWord] ?? 0;
  return length === nullLength ? 0 : Math.min(length, capacityBytes);
}

function hasSameRoom(words: Uint32Array, before: number, after: number, room: number, bytes: number): boolean {
  if (bytes === 0) return true;
  const all = Buffer.from(words.buffer);
  const start = after + room;
  return all.compare(all, before + room, before + room + bytes, start, start + bytes) === 0;
}
