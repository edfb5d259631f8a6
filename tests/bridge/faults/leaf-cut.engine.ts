import { test } from "node:test";
import { cutLeaf } from "./leaf-cut.ts";

test(
  "a leaf cut from its hub: the hub has every change once, in order, when the line is back",
  { timeout: 240_000 },
  async (t) => {
    await cutLeaf(t, { cutMs: 5000, changesPerSecond: 1000 });
  },
);
