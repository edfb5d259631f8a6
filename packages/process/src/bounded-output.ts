// A queue of records before an output that may be slow, stopped, full or gone: a pipe that nobody reads, a terminal after Ctrl+S,
// a disk without room. Such an output must never hold up the program, and never make it grow.
//
// Promise: `write` returns at once. What cannot be written now waits, up to a bound; what does not fit is dropped whole and counted,
// and `tellDropped` is called when there is room again. Records stay in order, and each is whole or missing.

import { setTimeout as delay } from "node:timers/promises";
import type { OutputDescriptor } from "@cpc-partition/image/posix/output-descriptor";

const capacityBytes = 1024 * 1024;
const retryMs = 20;
/** After a failure: nobody may ever read it again. */
const retryFailedMs = 1000;

export class BoundedOutput {
  /** Called with the number of records that were dropped, before the next one is taken. */
  tellDropped: (count: number) => void = () => {};
  readonly #open: () => Pick<OutputDescriptor, "tryWrite">;
  #output: Pick<OutputDescriptor, "tryWrite"> | undefined;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Of the first record that waits. */
  #writtenBytes = 0;
  #dropped = 0;
  #retry: NodeJS.Timeout | undefined;

  /** `open` is called with the first record. */
  constructor(open: () => Pick<OutputDescriptor, "tryWrite">) {
    this.#open = open;
  }

  write(text: string): void {
    const record = Buffer.from(text);
    if (this.#dropped > 0 || this.#waitingBytes + record.byteLength > capacityBytes) this.#dropped++;
    else {
      this.#waiting.push(record);
      this.#waitingBytes += record.byteLength;
    }
    if (this.#retry === undefined) this.#writeWaiting();
  }

  /** Before the program ends: waits for an output that is slow, `limitMs` at most. What is left then is lost. */
  async end(limitMs: number): Promise<void> {
    const giveUpMs = performance.now() + limitMs;
    while (this.#writeWaiting() === "Full" && performance.now() < giveUpMs) await delay(retryMs);
    clearTimeout(this.#retry);
  }

  #writeWaiting(): "Done" | "Full" | "Failed" {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    for (;;) {
      // Not before half of the queue is free: else every other record would tell of one that was dropped.
      if (this.#dropped > 0 && this.#waitingBytes <= capacityBytes / 2) this.#admitDropped();
      const [record] = this.#waiting;
      if (record === undefined) return "Done";
      this.#output ??= this.#open();
      const outcome = this.#output.tryWrite(record.subarray(this.#writtenBytes));
      if (typeof outcome === "string") {
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.#writeWaiting(), outcome === "Full" ? retryMs : retryFailedMs).unref();
        return outcome;
      }
      this.#writtenBytes += outcome;
      if (this.#writtenBytes >= record.byteLength) this.#removeFirst(record);
    }
  }

  #removeFirst(record: Buffer): void {
    this.#waiting.shift();
    this.#waitingBytes -= record.byteLength;
    this.#writtenBytes = 0;
  }

  #admitDropped(): void {
    const count = this.#dropped;
    this.#dropped = 0;
    this.tellDropped(count);
  }
}
