import assert from "node:assert/strict";
import { test } from "node:test";
import { WholeHistograms } from "../../../packages/monitor/src/observation/whole-histograms.ts";

test("a word of an image that comes round goes on counting, and each image counts for itself", () => {
  const words = Uint32Array.of(0xffff_fffe, 7);
  const image = { histogram: () => words.slice() };
  const histograms = new WholeHistograms();
  assert.deepEqual([...histograms.of(image, 0, "pollDuration")], [0xffff_fffe, 7]);
  for (let round = 0; round < 5; round++) words[0]!++;
  assert.deepEqual([...histograms.of(image, 0, "pollDuration")], [0x1_0000_0003, 7]);
  words[1] = 9;
  assert.deepEqual([...histograms.of(image, 0, "pollDuration")], [0x1_0000_0003, 9]);
  assert.deepEqual([...histograms.of(image, 1, "pollDuration")], [3, 9]);
  assert.deepEqual([...histograms.of({ histogram: () => words.slice() }, 0, "pollDuration")], [3, 9]);
});
