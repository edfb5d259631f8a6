// Appends numbered blocks and takes some of them, until it is killed; prints what it has done after it was done.

import { writeSync } from "node:fs";
import { SegmentQueue } from "../../../packages/bridge/src/queue/segment-queue.ts";

const [folder = ""] = process.argv.slice(2);
const queue = new SegmentQueue(folder, { limitBytes: 1 << 28, segmentBytes: 65_536 });
for (let turn = 0; ; turn++) {
  queue.append(Buffer.from(`${queue.end} ${"x".repeat(turn % 900)}`), 10);
  writeSync(1, `appended ${queue.end}\n`);
  if (turn % 3 !== 0) continue;
  const block = queue.read();
  if (block === undefined) continue;
  queue.acknowledge(block.end);
  writeSync(1, `taken ${block.end}\n`);
}
