// An image in real shared memory, owned as a service owns it, under a name of this process.

import { SharedMemoryObject } from "../packages/image/src/posix/shared-memory-object.ts";
import { planDirectory } from "../packages/image/src/directory.ts";
import { mappedMemory } from "../packages/image/src/image-memory.ts";
import { ImageWriter } from "../packages/image/src/image-writer.ts";
import { ConnectionState } from "../packages/image/src/layout.ts";
import type { GroupBlock } from "../packages/image/src/group-block.ts";
import { ImageOwner } from "../packages/partition/src/main-thread/image-owner.ts";
import { plantServer, type Mix } from "./plant-values.ts";

export interface SharedImage extends Disposable {
  readonly name: string;
  readonly buffer: ArrayBufferLike;
  readonly publish: (set: (block: GroupBlock) => void) => void;
  readonly startJournal: (memory: ArrayBufferLike) => void;
}

/** `purpose`: tells one image of this process from another. */
export function numbersImage(mix: Mix, points: number, purpose = "one"): SharedImage {
  const name = `benchmark_${process.pid}_${purpose}_image`;
  const owner = new ImageOwner(name);
  const directory = planDirectory([plantServer(mix, points)]);
  const { descriptor, sizeBytes } = owner.prepare(directory.imageBytes);
  const mapping = SharedMemoryObject.fromDescriptor(descriptor, name).map("read-write", sizeBytes);
  const image = new ImageWriter({ service: "modbus", intervalMs: 1000 }, directory, mappedMemory(mapping));
  owner.announce();
  const block = image.blocks[0]?.groups[0];
  if (block === undefined) throw new RangeError("the image has no block");
  return {
    name,
    buffer: mapping.buffer,
    publish: (set) => {
      block.begin();
      set(block);
      block.publish(ConnectionState.connected, 1);
    },
    startJournal: (memory) => image.startJournal(memory),
    [Symbol.dispose]: () => {
      owner.remove();
      owner.close();
      mapping.unmap();
    },
  };
}
