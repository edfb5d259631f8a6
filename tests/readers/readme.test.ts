// The page of each reader has its whole API.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import * as reader from "../../packages/image/src/reader.ts";

function textOf(path: string): string {
  return readFileSync(new URL(`../../readers/${path}`, import.meta.url), "utf8");
}

/** Names without an underscore at their end (C) or beginning (Python) are for users. */
function namesIn(path: string, pattern: RegExp): readonly string[] {
  return [...textOf(path).matchAll(pattern)].map(([, name = ""]) => name).filter((name) => !/^_|_$/.test(name));
}

/** Members of classes of cpc_image.py that are not for users. */
const internal = new Set(
  "check_kind refusal demand word integer natural copy memory_fence is_current is_locked unusable server group position plan sleep".split(
    " ",
  ),
);

for (const [page, names] of [
  [
    "c/README.md",
    ["cpc_image.h", "cpc_journal.h"].flatMap((file) => namesIn(`c/${file}`, /^static inline .*?\*?(cpc_\w+)\(/gm)),
  ],
  ["python/README.md", namesIn("python/cpc_image.py", /^ {4}def (\w+)\(self/gm).filter((name) => !internal.has(name))],
  ["python/README.md", namesIn("python/cpc_journal.py", /^ {4}def (\w+)\(self/gm).filter((name) => name !== "at")],
  ["rust/README.md", ["image", "journal"].flatMap((file) => namesIn(`rust/src/${file}.rs`, /^ {4}pub fn (\w+)/gm))],
  [
    "go/README.md",
    ["image", "journal"].flatMap((file) => namesIn(`go/${file}.go`, /^func (?:\(\w+ \*?\w+\) )?([A-Z]\w+)/gm)),
  ],
  ["node/README.md", Object.keys(reader)],
] as const) {
  test(`${page} names ${names.length} functions`, () => {
    assert.ok(names.length > 5);
    const text = textOf(page);
    assert.deepEqual(
      names.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
      [],
    );
  });
}

for (const [page, program] of [
  ["rust/README.md", "rust/examples/show.rs"],
  ["go/README.md", "go/cmd/show/main.go"],
] as const) {
  test(`${page} shows the program that the tests of the readers run`, () => {
    assert.ok(textOf(page).includes(textOf(program)));
  });
}

for (const [folder, isSource] of [
  ["rust/src", /\.rs$/],
  ["go", /(?<!_test)\.go$/],
] as const) {
  test(`readers/${folder} has less than 500 lines of code`, () => {
    const files = readdirSync(new URL(`../../readers/${folder}`, import.meta.url)).filter((file) =>
      isSource.test(file),
    );
    const lines = files.flatMap((file) => textOf(`${folder}/${file}`).split("\n"));
    const code = lines.filter((line) => !/^\s*(?:\/\/|$)/.test(line));
    assert.ok(code.length > 0 && code.length < 500, `${code.length} lines`);
  });
}
