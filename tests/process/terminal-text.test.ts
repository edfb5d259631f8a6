import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as fc from "fast-check";

import { terminalLine, terminalText } from "../../packages/process/src/terminal-text.ts";

const root = join(import.meta.dirname, "../..");
const anyText = fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.string({ unit: "grapheme", maxLength: 60 }));

/** As the standards say it, one by one, not as the code does. */
function steersOrHides(code: number): boolean {
  const ranges: readonly (readonly [number, number])[] = [
    [0, 0x1f], // C0
    [0x7f, 0x9f], // DEL and C1
    [0x200b, 0x200f], // zero width, marks of direction
    [0x2028, 0x202e], // line separators, embeddings, overrides
    [0x2060, 0x206f], // isolates, invisible operators
    [0xd800, 0xdfff], // lone surrogates
    [0xe0000, 0xe007f], // tags
  ];
  return [0xad, 0x61c, 0x3164, 0xfeff].includes(code) || ranges.some(([from, to]) => code >= from && code <= to);
}

test("no character that steers a terminal or hides from the eye leaves, and every other one does", () => {
  for (let code = 0; code <= 0xe0fff; code++) {
    const character = String.fromCodePoint(code);
    const shown = terminalLine(`<${character}>`);
    if (steersOrHides(code)) assert.match(shown, /^<(?:\\u[0-9a-f]{4}){1,2}>$/, code.toString(16));
    else if (/[\p{L}\p{N}\p{P}\p{S}\p{Zs}]/u.test(character) && !/\p{Default_Ignorable_Code_Point}/u.test(character))
      assert.equal(shown, `<${character}>`);
  }
});

test("only lines of our own keep their line feeds", () => {
  assert.equal(terminalText("Füllstand 5 °C\n\u009b31m\r"), "Füllstand 5 °C\n\\u009b31m\\u000d");
  assert.equal(terminalLine("a\nb"), "a\\u000ab");
});

test("JSON stays the same JSON, whatever its strings hold", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      for (const indent of [0, 2])
        assert.deepEqual(JSON.parse(terminalText(JSON.stringify({ [text]: [text] }, null, indent))), {
          [text]: [text],
        });
    }),
  );
});

test("nothing in the packages writes to the terminal by another way", () => {
  const own = new Set([
    "packages/process/src/standard-output.ts",
    // Before anything else can be loaded; a text of our own.
    "packages/partition/src/cpc.ts",
  ]);
  const sources = globSync("packages/*/src/**/*.ts", { cwd: root }).filter((file) => !own.has(file));
  assert.ok(sources.length > 100);
  for (const file of sources)
    assert.doesNotMatch(
      readFileSync(join(root, file), "utf8"),
      /process\.std(?:out|err)\.write\(|console\.\w+\(/,
      `${file}: use print or printError`,
    );
});
