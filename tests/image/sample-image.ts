// Images in memory of this process, with points made by hand.

import { planDirectory, type GroupDescription, type ServerDescription } from "../../packages/image/src/directory.ts";
import { privateMemory } from "../../packages/image/src/image-memory.ts";
import { ImageReader } from "../../packages/image/src/image-reader.ts";
import { ImageWriter } from "../../packages/image/src/image-writer.ts";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import type { GroupBlock } from "../../packages/image/src/group-block.ts";
import type { GroupSnapshot } from "../../packages/image/src/group-snapshot.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import type { PointDescription } from "../../packages/image/src/point.ts";
import type { PointSink } from "../../packages/image/src/point-sink.ts";

export function pointOf(key: string, changes: Partial<PointDescription> = {}): PointDescription {
  return {
    key,
    description: `about ${key}`,
    unit: "",
    source: "",
    type: BuiltInType.Null,
    capacityBytes: 0,
    ...changes,
  };
}

/** As many points as there are capacities. */
export function serverOf(alias: string, ...capacitiesBytes: readonly number[]): ServerDescription {
  return {
    alias,
    connection: { key: `Connections:${alias}`, description: "Connection status" },
    groups: [groupOf(alias, ...capacitiesBytes)],
  };
}

function groupOf(alias: string, ...capacitiesBytes: readonly number[]): GroupDescription {
  return {
    name: "",
    intervalMs: 1000,
    points: capacitiesBytes.map((capacityBytes, index) => pointOf(`${alias}: ${index}`, { capacityBytes })),
  };
}

export function imageOf(...servers: readonly ServerDescription[]) {
  const directory = planDirectory(servers);
  const memory = privateMemory(directory.imageBytes);
  const writer = new ImageWriter({ service: "modbus", intervalMs: 1000 }, directory, memory);
  return {
    directory,
    memory,
    writer,
    blocks: writer.blocks.flatMap(({ groups }) => groups),
    reader: new ImageReader(memory.buffer),
  };
}

/** The same servers with other capacities, as a new generation; returns the memory and reader of it. */
export function renewed(writer: ImageWriter, servers: readonly ServerDescription[]) {
  const directory = planDirectory(servers);
  const memory = privateMemory(directory.imageBytes);
  const old = writer.replace(directory, memory, writer.blocks);
  return { directory, memory, old, reader: new ImageReader(memory.buffer) };
}

export function poll(block: GroupBlock, fill: (sink: PointSink) => void): void {
  block.begin();
  fill(block);
  block.publish(ConnectionState.connected, 1);
}

/** The last complete poll of a group. */
export function seen(reader: ImageReader, group = 0): GroupSnapshot {
  const snapshot = reader.snapshot(group);
  if (snapshot === undefined) throw new TypeError("the writer overtook a reader in its own thread");
  return snapshot;
}
