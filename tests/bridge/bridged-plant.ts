// An image with a journal in real shared memory, as a partition leaves them, for a bridge to follow.

import { renameSync } from "node:fs";
import { ownPrefix, type Lifetime } from "../image/posix/own-objects.ts";
import type { ServerDescription } from "../../packages/image/src/directory.ts";
import { mappedMemory } from "../../packages/image/src/image-memory.ts";
import { journalHeader, markCount } from "../../packages/image/src/journal-layout.ts";
import { nameBefore } from "../../packages/image/src/kept-names.ts";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { segmentPath } from "../../packages/image/src/posix/object-name.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { TestWriter } from "../readers/test-writer.ts";

const defaultRingBytes = 64 * 64 * markCount;

export class BridgedPlant {
  readonly prefix: string;
  readonly #servers: readonly ServerDescription[];
  readonly #ringBytes: number;
  #run: { readonly writer: TestWriter; readonly unmap: () => void };
  readonly #beat: NodeJS.Timeout;

  constructor(t: Lifetime, servers: readonly ServerDescription[], ringBytes = defaultRingBytes) {
    this.prefix = ownPrefix(t);
    this.#servers = servers;
    this.#ringBytes = ringBytes;
    this.#run = this.#start();
    // Also in a test that a busy machine makes longer than the five seconds after which a writer counts as hung.
    this.#beat = setInterval(() => this.writer.image.beat(), 1000).unref();
    t.after(() => this.#stop());
  }

  get writer(): TestWriter {
    return this.#run.writer;
  }

  /** A poll of a group in which this point has this value. */
  set(point: number, value: number, group = 0): void {
    this.writer.publish(group, (block) => block.setNumber(point, BuiltInType.Double, value));
  }

  setStatus(point: number, status: number, group = 0): void {
    this.writer.publish(group, (block) => block.setStatus(point, status));
  }

  /** What the service publishes when a connection is lost or comes back. */
  connect(serverIndex: number, connection: "connected" | "lost"): void {
    this.writer.image.blocks[serverIndex]?.show({ connection: ConnectionState[connection], error: "" });
  }

  /** As after a restart of the partition: journal and image of the run before have names of their own. */
  restart(): void {
    this.#run.unmap();
    const [image, journal] = ["image", "journal"].map((object) => `${this.prefix}opcua_${object}`) as [string, string];
    renameSync(segmentPath(journal), segmentPath(nameBefore(journal)));
    // The owner of the new image would remove what it did not leave itself.
    renameSync(segmentPath(image), segmentPath(`${image}.kept`));
    this.#run.writer[Symbol.dispose]();
    this.#run = this.#start();
    renameSync(segmentPath(`${image}.kept`), segmentPath(nameBefore(image)));
  }

  /** As after `kill -9`. */
  die(): void {
    this.#stop();
  }

  #start() {
    const writer = new TestWriter(this.#servers, `${this.prefix}opcua_image`);
    const object = SharedMemoryObject.createExclusive(`${this.prefix}opcua_journal`, 0o640);
    if (object === undefined) throw new TypeError("the name of the journal is taken");
    object.reserve(journalHeader.bytes + this.#ringBytes);
    const mapping = object.map("read-write");
    object.close();
    writer.image.startJournal(mappedMemory(mapping).buffer);
    for (const index of writer.image.directory.groups.keys()) writer.publish(index);
    writer.image.beat();
    return { writer, unmap: () => mapping.unmap() };
  }

  #stop(): void {
    clearInterval(this.#beat);
    this.#run.unmap();
    this.#run.writer[Symbol.dispose]();
  }
}
