// docs/process-image.md is what other people write readers from: it must give the offsets that the program uses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { journalHeader, journalRecord } from "../../packages/image/src/journal-layout.ts";
import {
  block,
  groupEntry,
  header,
  pointEntry,
  poll,
  record,
  serverEntry,
  serverState,
} from "../../packages/image/src/layout.ts";

const page = readFileSync(new URL("../../docs/process-image.md", import.meta.url), "utf8");

/** Name -> offset of the table under a heading. */
function offsetsUnder(heading: string): Readonly<Record<string, number>> {
  const section = page.split(`\n### ${heading}\n`)[1]?.split(/\n#+ /)[0] ?? "";
  const rows = section.matchAll(/^\| +(?<offset>\d+) \| [^|]+ \| `(?<name>\w+)`/gm);
  return Object.fromEntries([...rows].map(({ groups }) => [groups?.["name"] ?? "", Number(groups?.["offset"])]));
}

/** Without the constants that are sizes. */
function offsetsOf(layout: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(layout).filter(([name]) => name !== "bytes"));
}

for (const [heading, layout] of [
  ["Header", header],
  ["Entry of the server table", serverEntry],
  ["Entry of the group table", groupEntry],
  ["Entry of the point table", pointEntry],
  ["Block", block],
  ["State of a server", serverState],
  ["Poll header", poll],
  ["Record", record],
  ["Journal header", journalHeader],
  ["Journal record", journalRecord],
] as const) {
  test(`the page gives every offset of "${heading}" as the layout has it`, () => {
    assert.deepEqual(offsetsUnder(heading), offsetsOf(layout));
  });
}
