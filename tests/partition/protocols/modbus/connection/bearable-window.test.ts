import assert from "node:assert/strict";
import { test } from "node:test";

import { BearableWindow } from "../../../../../packages/partition/src/protocols/modbus/connection/bearable-window.ts";

test("after a loss it is one at a time for a minute, then for twice as long each time, up to a day", () => {
  const window = new BearableWindow(8);
  assert.equal(window.at(0), 8);
  let nowMs = 1000;
  for (let afterMs = 60_000; afterMs < 200_000_000; afterMs *= 2) {
    window.lost(nowMs);
    window.lost(nowMs + 1); // of the same moment
    const endMs = nowMs + Math.min(afterMs, 86_400_000);
    assert.deepEqual([window.at(endMs - 1), window.at(endMs)], [1, 8]);
    nowMs = endMs;
  }
  assert.equal(window.losses, 12);
});
