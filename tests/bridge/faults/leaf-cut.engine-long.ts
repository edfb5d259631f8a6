import { test } from "node:test";
import { cutLeaf } from "./leaf-cut.ts";

test("a leaf cut from its hub for ten minutes", { timeout: 1_200_000 }, async (t) => {
  await cutLeaf(t, { cutMs: 600_000, changesPerSecond: 1000 });
});
