import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pageModule } from "./page-module.ts";

type Words = Readonly<Record<string, unknown>>;
const { english } = await pageModule<{ english: Words }>("words-en.js");
const { german } = await pageModule<{ german: Words }>("words-de.js");

/** Names of all words, with what kind of thing they are. */
function shape(words: Words, path = ""): readonly string[] {
  return Object.entries(words).flatMap(([name, word]) =>
    typeof word === "object" && word !== null
      ? shape(word as Words, `${path}${name}.`)
      : `${path}${name}: ${typeof word}`,
  );
}

test("German has every word that English has, and nothing is empty", () => {
  assert.deepEqual(shape(german).toSorted(), shape(english).toSorted());
  const texts = (words: Words): readonly unknown[] =>
    Object.values(words).flatMap((word) => (typeof word === "object" && word !== null ? texts(word as Words) : [word]));
  assert.equal(texts(german).filter((word) => word === "").length, texts(english).filter((word) => word === "").length);
});

test("every kind of problem has its words", () => {
  const source = readFileSync(
    join(import.meta.dirname, "../../../packages/monitor/src/observation/problems.ts"),
    "utf8",
  );
  const [declared = ""] = /export type ProblemKind =[^;]*;/.exec(source) ?? [];
  const kinds = Array.from(declared.matchAll(/"(\w+)"/g), ([, kind]) => kind ?? "");
  assert.ok(kinds.length > 10);
  for (const words of [english, german]) {
    const sentences = words["kinds"] as Readonly<
      Record<string, (problem: object, count: (number: number) => string) => string>
    >;
    assert.deepEqual(new Set(Object.keys(sentences)), new Set(kinds));
    for (const sentence of Object.values(sentences))
      assert.match(sentence({ service: "opcua", server: "Kessel", count: 1, of: 2 }, String), /\w{3}/);
  }
});
