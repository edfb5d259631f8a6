// A journal by its name, for readers: every change in order, across the journals that take one another's place.

import { journalHeader } from "./journal-layout.ts";
import { JournalReader, type Change, type Cursor, type Wanted } from "./journal-reader.ts";
import { OpenedObject } from "./opened-object.ts";

export interface NextChanges {
  readonly changes: readonly Change[];
  /** Changes that were overwritten before they could be read; they came before `changes`. */
  readonly lost: bigint;
  /** These are the first of a journal that took the place of the one before: positions and numbers begin anew. */
  readonly isNewJournal: boolean;
  /** There are no more for the moment. */
  readonly isEnd: boolean;
}

export class OpenedJournal implements Disposable {
  readonly #opened: OpenedObject<JournalReader>;
  readonly #start: "end" | "oldest";
  #cursor: Cursor | undefined;
  /** Whether the name was looked at before: a journal that comes later is news from its first change. */
  #hasLooked = false;

  /**
   * Opens nothing yet. The name is the object's, as `opcua_journal`. `start`: with the oldest change that a journal still has, or behind the
   * last one that it has when `open` or `next` is called first.
   */
  constructor(name: string, start: "end" | "oldest" = "end") {
    this.#opened = new OpenedObject(name, journalHeader.bytes, (memory) => new JournalReader(memory));
    this.#start = start;
  }

  get name(): string {
    return this.#opened.name;
  }

  /**
   * Of the run that the journal belongs to: in the images of another run its numbers of points mean nothing. Undefined while there is no
   * journal.
   */
  get startedNs(): bigint | undefined {
    return this.#opened.reader?.startedNs;
  }

  /** Where the next change is read. Undefined while there is no journal. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** How much of the journal's ring is not read yet; 0 while there is no journal. */
  get unreadShare(): number {
    const reader = this.#opened.reader;
    return reader === undefined || this.#cursor === undefined ? 0 : reader.unreadShare(this.#cursor);
  }

  /** Begins at the start now and not with the first `next`; false when there is no journal yet. Throws an ImageError like `next`. */
  open(): boolean {
    this.#hasLooked = true;
    const reader = this.#opened.reopen();
    this.#cursor = this.#start === "end" ? reader?.end() : reader?.oldest();
    return reader !== undefined;
  }

  /**
   * What has changed since the last call, of points that are wanted, `most` changes at a time; none when there is nothing new, or no
   * journal. A journal that lost its name is read to its end before the next one is opened. Throws an ImageError when the journal contradicts itself.
   */
  next(most?: number, wanted?: Wanted): NextChanges {
    const reader = this.#opened.reader;
    if (reader !== undefined && this.#cursor !== undefined) {
      // Asked before reading: what a writer appends before it loses the name is still read.
      const isCurrent = this.#opened.isCurrent();
      const { changes, lost, cursor, isEnd } = reader.since(this.#cursor, most, wanted);
      const isMoved = cursor.position !== this.#cursor.position || lost > 0n;
      this.#cursor = cursor;
      if (isCurrent || isMoved) return { changes, lost, isNewJournal: false, isEnd: isEnd && isCurrent };
    }
    if (this.#hasLooked) return this.#openNext(most, wanted);
    return this.open() ? this.next(most, wanted) : { changes: [], lost: 0n, isNewJournal: false, isEnd: true };
  }

  /**
   * Goes on at a journal position of a snapshot: the next changes are those that the snapshot does not show. False when they have been
   * overwritten, or when there is no journal: take another snapshot.
   */
  seek(position: bigint): boolean {
    this.#hasLooked = true;
    if (!this.#opened.isCurrent()) {
      this.#cursor = undefined;
      this.#opened.reopen();
    }
    return this.goOnAt(position);
  }

  /** Goes on at a position of the journal that is open, whether or not the name still leads to it. False as of `seek`. */
  goOnAt(position: bigint): boolean {
    const cursor = this.#opened.reader?.at(position);
    if (cursor === undefined) return false;
    this.#cursor = cursor;
    return true;
  }

  close(): void {
    this.#opened.close();
    this.#cursor = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #openNext(most?: number, wanted?: Wanted): NextChanges {
    this.#cursor = undefined;
    const reader = this.#opened.reopen();
    if (reader === undefined) return { changes: [], lost: 0n, isNewJournal: false, isEnd: true };
    // A journal counts from 0: what came before its oldest change is lost.
    const oldest = reader.oldest();
    this.#cursor = oldest;
    const { changes, lost, isEnd } = this.next(most, wanted);
    return { changes, lost: lost + oldest.sequence, isNewJournal: true, isEnd };
  }
}
