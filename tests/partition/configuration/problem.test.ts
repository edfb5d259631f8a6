import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { controlCharacterIn, quote, quotePath } from "../../../packages/partition/src/configuration/problem.ts";

test("the quote of a path ends with the whole name of its file, however long the path is", () => {
  const name = fc.stringMatching(/^[\w.-]{1,255}$/);
  const path = fc.array(name, { maxLength: 16 }).map((folders) => `/${folders.join("/")}`);
  fc.assert(
    fc.property(path, name, (folder, file) => {
      const quoted = quotePath(`${folder}/${file}`);
      assert.ok(quoted.endsWith(`/${file}"`), quoted);
      assert.ok(quoted.length <= 403, quoted);
    }),
  );
});

test("a path in a long checkout is quoted whole", () => {
  const path = `/${"x".repeat(120)}/tests/config/cases/modbus-tls/monitor.pem`;
  assert.equal(quotePath(path), `"${path}"`);
});

test("every other text is cut at its end, and nothing in a quote moves a terminal", () => {
  assert.equal(quote("x".repeat(100)), `"${"x".repeat(80)}…"`);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 100 }), (text) => {
      for (const quoted of [quote(text), quotePath(text)]) assert.equal(controlCharacterIn(quoted), undefined);
    }),
  );
});

test("the first control character is named with its place", () => {
  assert.equal(controlCharacterIn("Tank 7"), undefined);
  assert.equal(controlCharacterIn("a\tb\nc"), "character 2 is a tab");
  assert.equal(controlCharacterIn("ä😀\r"), "character 3 is a line break");
  assert.equal(controlCharacterIn("\u202e"), "character 1 is the control character U+202E");
});
