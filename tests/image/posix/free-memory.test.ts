import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { until } from "../../until.ts";
import { giveBackFreeMemory } from "../../../packages/image/src/posix/free-memory.ts";

const pieceBytes = 100_000;
const pieces = 600;

test("memory that is free between pieces that are in use goes back to the system", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  let large: Buffer[] = [];
  const kept: Buffer[] = [];
  for (let piece = 0; piece < pieces; piece++) {
    large.push(Buffer.alloc(pieceBytes, piece));
    kept.push(Buffer.alloc(pieceBytes / 20, piece));
  }
  const before = process.memoryUsage.rss();
  large = [];
  collect();
  // The runtime frees buffers in a thread of its own.
  await until("the system has it back", () => {
    giveBackFreeMemory();
    return before - process.memoryUsage.rss() > (pieces * pieceBytes) / 2;
  });
  assert.equal(kept.length, pieces);
});
