// A writer on real shared memory, owned as a service owns it, under a name of its own.

import { randomBytes } from "node:crypto";
import { wakeSleepers } from "../../packages/image/src/posix/futex.ts";
import type { Mapping } from "../../packages/image/src/posix/mapping.ts";
import { SharedMemoryObject } from "../../packages/image/src/posix/shared-memory-object.ts";
import { planDirectory, type ServerDescription } from "../../packages/image/src/directory.ts";
import { mappedMemory } from "../../packages/image/src/image-memory.ts";
import { ImageWriter, retireImage } from "../../packages/image/src/image-writer.ts";
import { block, ConnectionState, header, poll, record } from "../../packages/image/src/layout.ts";
import type { GroupBlock } from "../../packages/image/src/group-block.ts";
import { ImageOwner } from "../../packages/partition/src/main-thread/image-owner.ts";

export function uniqueName(): string {
  return `cpc-test-${process.pid}-${randomBytes(6).toString("hex")}_image`;
}

export class TestWriter implements Disposable {
  readonly name: string;
  readonly #owner: ImageOwner;
  #mapping: Mapping;
  readonly image: ImageWriter;

  constructor(servers: readonly ServerDescription[], name = uniqueName()) {
    this.name = name;
    this.#owner = new ImageOwner(name);
    const directory = planDirectory(servers);
    this.#mapping = this.#allocate(directory.imageBytes);
    this.image = new ImageWriter({ service: "opcua", intervalMs: 1000 }, directory, mappedMemory(this.#mapping));
    for (const server of this.image.blocks)
      server.show({ connection: ConnectionState.connected, error: "grüßt nicht" });
    this.#owner.announce();
  }

  /** Of the present generation, to look at and to spoil. */
  get words(): Uint32Array {
    return new Uint32Array(this.#mapping.buffer);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.#mapping.buffer);
  }

  block(groupIndex: number): GroupBlock {
    const found = this.image.blocks.flatMap(({ groups }) => groups)[groupIndex];
    if (found === undefined) throw new RangeError(`no group ${groupIndex}`);
    return found;
  }

  publish(groupIndex: number, set: (block: GroupBlock) => void = () => {}): void {
    const target = this.block(groupIndex);
    target.begin();
    set(target);
    target.publish(ConnectionState.connected, 12.5);
  }

  /** Makes a new generation; without `retire` as a writer that was killed just before. */
  replace(servers: readonly ServerDescription[], retire = true): void {
    const directory = planDirectory(servers);
    const before = this.#mapping;
    this.#mapping = this.#allocate(directory.imageBytes);
    const old = this.image.replace(directory, mappedMemory(this.#mapping), this.image.blocks);
    this.#owner.announce();
    if (retire) retireImage(old);
    before.unmap();
  }

  setCounters(groupIndex: number, begun: number, published: number): void {
    const at = (this.image.directory.groups[groupIndex]?.blockOffset ?? 0) / 4;
    this.words[at + block.begun / 4] = begun;
    this.words[at + block.published / 4] = published;
  }

  /** When the value of the group's first point came, as the last poll says it. */
  setReceived(groupIndex: number, receivedNs: bigint): void {
    const group = this.image.directory.groups[groupIndex];
    if (group === undefined) throw new RangeError(`no group ${groupIndex}`);
    const times = new BigInt64Array(this.#mapping.buffer);
    for (const bank of [0, group.bankBytes])
      times[(group.banksOffset + bank + poll.bytes + record.receivedNs) / 8] = receivedNs;
  }

  setPublications(count: number): void {
    this.words[header.publications / 4] = count;
  }

  /** How many sleep on the word that counts all publications; wakes them, for nothing. */
  sleepers(): number {
    return wakeSleepers(this.#mapping, header.publications);
  }

  [Symbol.dispose](): void {
    this.#owner.remove();
    this.#owner.close();
    this.#mapping.unmap();
  }

  #allocate(imageBytes: number): Mapping {
    const { descriptor, sizeBytes } = this.#owner.prepare(imageBytes);
    return SharedMemoryObject.fromDescriptor(descriptor, this.name).map("read-write", sizeBytes);
  }
}
