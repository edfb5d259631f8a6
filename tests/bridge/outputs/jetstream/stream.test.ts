import assert from "node:assert/strict";
import { test } from "node:test";
import { covers } from "../../../../packages/bridge/src/outputs/jetstream/stream.ts";

test("a stream takes everything below the root only if its pattern stands for all of that", () => {
  const wanted = "plant.gw7.>";
  for (const pattern of [">", "plant.>", "*.>", "plant.gw7.>", "plant.*.>", "*.*.>"])
    assert.ok(covers(pattern, wanted), pattern);
  for (const pattern of [
    "plant.gw7",
    "plant.gw7.*",
    "plant.gw7.live.>",
    "plant.gw8.>",
    "plant.*",
    "*",
    "*.*.*",
    "plant.gw7.*.>",
  ])
    assert.ok(!covers(pattern, wanted), pattern);
});
