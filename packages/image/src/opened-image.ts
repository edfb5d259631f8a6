// An image by its name, for readers: mapped read-only, and opened again when the writer made a new generation or was restarted.
//
// The sleep is bounded in slices: a writer that was killed wakes nobody, so a reader looks at the name again now and then.

import { setTimeout as sleep } from "node:timers/promises";
import { PosixError } from "./posix/errno.ts";
import { waitOnWord, waitOnWordLater, wakeSleepers } from "./posix/futex.ts";
import type { Mapping } from "./posix/mapping.ts";
import { ImageReader } from "./image-reader.ts";
import { header } from "./layout.ts";
import { OpenedObject } from "./opened-object.ts";

/** How long a reader may sleep on an image that its name leads to no more. */
const defaultLookAgainMs = 200;
const pollMs = 5;

/** What the name of an image led to. */
export interface SeenImage {
  readonly image: ImageReader;
  readonly hasWriter: boolean;
}

export class OpenedImage implements Disposable {
  readonly #opened: OpenedObject<ImageReader>;
  /** What `waitForPublish` saw last: the image, and its count of publications. */
  #seenReader: ImageReader | undefined;
  #seenPublications = 0;
  /** The count of publications that the others were woken for last. */
  #wokenFor: number | undefined;
  #tickSleepers = 0;
  readonly #lookAgainMs: number;

  /**
   * Opens nothing yet. The name is the object's, as `opcua_image`. `lookAgainMs`: how long `waitForPublish` sleeps at a stretch,
   * and so how late it notices that the writer was killed and another has come.
   */
  constructor(name: string, lookAgainMs = defaultLookAgainMs) {
    this.#opened = new OpenedObject(name, header.bytes, (memory) => new ImageReader(memory));
    this.#lookAgainMs = lookAgainMs;
  }

  get name(): string {
    return this.#opened.name;
  }

  /**
   * The image that the name leads to now; undefined when there is none (yet). The same reader as before while nothing has changed;
   * another one when the image was replaced, and then the old one and its snapshots cannot be refreshed any more.
   */
  current(): ImageReader | undefined {
    // A retired image that still has the name is the last one there is.
    if (this.#opened.isCurrent()) return this.#opened.reader;
    this.#wokenFor = undefined;
    return this.#opened.reopen();
  }

  /**
   * The same, and whether a process writes this very image: the kernel knows, whatever the clocks say. Between two calls another image may take
   * the place of this one.
   */
  look(): SeenImage | undefined {
    const image = this.current();
    return image === undefined ? undefined : { image, hasWriter: this.#opened.isLocked() };
  }

  /** True while a process writes the image that the name leads to now. */
  hasWriter(): boolean {
    return this.look()?.hasWriter === true;
  }

  /**
   * Sleeps until something was published, by any server, since this method last returned true; false when the time is over. What is there
   * at the first call is news, and so is another image. Blocks the whole thread: for worker threads and programs that do nothing else.
   */
  waitForPublish(timeoutMs: number): boolean {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      if (this.#hasNews()) return true;
      const restMs = Math.min(this.#lookAgainMs, endMs - performance.now());
      if (restMs <= 0) return false;
      const { reader, mapping } = this.#opened;
      if (reader === undefined || mapping === undefined) pause(restMs);
      else this.#sleep(reader, mapping, restMs);
    }
  }

  /**
   * The same without blocking: the event loop looks every few milliseconds, so the news may be that old. Who needs it within
   * microseconds calls `waitForPublish` in a worker thread. Rejects when the signal aborts.
   */
  async nextPublish(timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      if (this.#hasNews()) return true;
      const restMs = Math.min(pollMs, endMs - performance.now());
      if (restMs <= 0) return false;
      await sleep(restMs, undefined, signal === undefined ? {} : { signal });
    }
  }

  /**
   * Resolves when `ticks` of the image that was opened last is not `seen` any more, at the latest after the time-out, and without a look at
   * the name. It sleeps in a thread of the runtime's pool, so it is for the main thread of a process, and for one image at a time.
   */
  async tickAfter(seen: number, timeoutMs: number): Promise<void> {
    const { reader, mapping } = this.#opened;
    if (reader === undefined || mapping === undefined) return sleep(timeoutMs);
    if (reader.ticks !== seen) return;
    const endMs = performance.now() + timeoutMs;
    this.#tickSleepers++;
    await waitOnWordLater(mapping, header.ticks, seen, timeoutMs);
    this.#tickSleepers--;
    // What was closed meanwhile is not looked at.
    if (this.#opened.mapping !== mapping) return;
    if (reader.ticks !== seen) this.#wakeTickSleepers();
    // Where the system refuses the sleep, or a signal ended it.
    else if (performance.now() < endMs - pollMs) await sleep(pollMs);
  }

  close(): void {
    // The runtime cannot end before its pool does.
    if (this.#tickSleepers > 0) this.#wakeTickSleepers();
    this.#wokenFor = undefined;
    this.#opened.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The writer wakes the first sleepers only; they wake the others. Once for each publication: else two would wake one another for ever. */
  #sleep(reader: ImageReader, mapping: Mapping, restMs: number): void {
    if (waitOnWord(mapping, header.publications, this.#seenPublications, restMs) !== "Woken") return;
    const { publications } = reader;
    if (publications === this.#wokenFor) return;
    this.#wokenFor = publications;
    wakeSleepers(mapping, header.publications);
  }

  /** Without it they see the tick when their time is over. */
  #wakeTickSleepers(): void {
    try {
      if (this.#opened.mapping !== undefined) wakeSleepers(this.#opened.mapping, header.ticks);
    } catch (error) {
      if (!(error instanceof PosixError)) throw error;
    }
  }

  #hasNews(): boolean {
    const reader = this.current();
    if (reader === undefined) return false;
    const { publications } = reader;
    if (reader === this.#seenReader && publications === this.#seenPublications) return false;
    this.#seenReader = reader;
    this.#seenPublications = publications;
    return true;
  }
}

function pause(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
}
