import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

test("every test and file that SECURITY.md names exists", () => {
  const page = readFileSync(join(root, "SECURITY.md"), "utf8");
  const named = [...page.matchAll(/`((?:packages|tests|scripts)\/[^`]*)`|\]\((docs\/[^)]*)\)/g)].map(
    ([, file, link]) => file ?? link ?? "",
  );
  assert.ok(named.length > 50, `${named.length} names`);
  for (const name of named) assert.ok(existsSync(join(root, name)), name);
});
