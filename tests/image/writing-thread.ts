// The writer of tests in which a reader looks on: polls in which all points have the same value, one after the other without a pause.

import { workerData } from "node:worker_threads";
import { planDirectory } from "../../packages/image/src/directory.ts";
import { imageMemory } from "../../packages/image/src/image-memory.ts";
import { ImageWriter } from "../../packages/image/src/image-writer.ts";
import { ConnectionState } from "../../packages/image/src/layout.ts";
import { BuiltInType } from "../../packages/image/src/values/built-in-type.ts";
import { serverOf } from "./sample-image.ts";

const { buffer, points, stop } = workerData as {
  readonly buffer: SharedArrayBuffer;
  readonly points: number;
  readonly stop: Int32Array<SharedArrayBuffer>;
};
const directory = planDirectory([serverOf("A", ...Array.from({ length: points }, () => 0))]);
const writer = new ImageWriter(
  { service: "modbus", intervalMs: 1 },
  directory,
  imageMemory(buffer, () => {}),
);
for (let value = 1; Atomics.load(stop, 0) === 0; value = (value + 1) % 65_536) {
  const block = writer.blocks[0]?.groups[0];
  block?.begin();
  for (let index = 0; index < points; index++) block?.setNumber(index, BuiltInType.UInt16, value);
  block?.publish(ConnectionState.connected);
}
