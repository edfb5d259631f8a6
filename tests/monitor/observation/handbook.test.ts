import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { allRows } from "../../../packages/monitor/src/observation/handbook.ts";

const page = readFileSync(join(import.meta.dirname, "../../../docs/operations.md"), "utf8");

/** Section -> first cells of its tables. */
const sections = new Map(
  page
    .split(/^## /m)
    .map((text) => [
      text.split("\n", 1)[0] ?? "",
      Array.from(text.matchAll(/^\| (.+?) +\|/gm), ([, cell = ""]) => cell),
    ]),
);

test("every row that the page and the alerts name is in the operations handbook", () => {
  assert.ok(allRows.length > 20);
  for (const { section, row } of allRows) assert.ok(sections.get(section)?.includes(row), `${section}: ${row}`);
});
