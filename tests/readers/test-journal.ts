// A journal in shared memory under a name of its own, to be followed by readers.

import { journalHeader, markCount } from "../../packages/image/src/journal-layout.ts";
import { JournalWriter } from "../../packages/image/src/journal-writer.ts";
import { record } from "../../packages/image/src/layout.ts";
import type { Mapping } from "../../packages/image/src/posix/mapping.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { uniqueName } from "./test-writer.ts";

const ringBytes = 4 * 64 * markCount;

export class TestJournal implements Disposable {
  readonly name = uniqueName().replace(/image$/, "journal");
  readonly #record = new Uint32Array(record.bytes / 4);
  #mapping: Mapping | undefined;
  #writer!: JournalWriter;

  constructor() {
    this.#record[record.type / 4] = BuiltInType.Double;
    this.replace();
  }

  /** One change for each point; returns the position behind them. */
  append(...points: readonly number[]): bigint {
    for (const point of points) this.#writer.append(point, this.#record, 0, 0, 0);
    return this.#writer.commit();
  }

  /** Overwrites a word of its header. */
  spoil(offset: number, word: number): void {
    if (this.#mapping !== undefined) new Uint32Array(this.#mapping.buffer)[offset / 4] = word;
  }

  /** Another journal takes the name, as after a restart of the writer. */
  replace(): void {
    this.remove();
    const object = SharedMemoryObject.createExclusive(this.name, 0o640);
    if (object === undefined) throw new TypeError(`${this.name} is taken`);
    object.reserve(journalHeader.bytes + ringBytes);
    this.#mapping = object.map("read-write");
    object.close();
    this.#writer = new JournalWriter(this.#mapping.buffer, "opcua", 1n);
    this.#writer.begin(0, 1, 0, 0);
  }

  remove(): void {
    SharedMemoryObject.remove(this.name);
    this.#mapping?.unmap();
    this.#mapping = undefined;
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}
