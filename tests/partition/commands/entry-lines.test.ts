import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { entryLines } from "../../../packages/partition/src/commands/entry-lines.ts";

test("every entry has a line, and values keep their digits and words", () => {
  const document = String.raw`{"a: {":{"value":18446744073709551615  ,"varType":"UInt64"},   "b\"}": {"value":[[NaN,-Infinity],[1.0,2e-41]],"x":{}}}   `;
  assert.equal(
    entryLines(document),
    String.raw`{
  "a: {": { "value": 18446744073709551615, "varType": "UInt64" },
  "b\"}": { "value": [[NaN, -Infinity], [1.0, 2e-41]], "x": {} }
}`,
  );
  assert.equal(entryLines("{ }"), "{}");
});

test("whatever the document holds, it means the same", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (document) => {
      const text = entryLines(JSON.stringify(document));
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(document)));
      const entries = Object.keys(document).length;
      assert.equal(text.split("\n").length, entries === 0 ? 1 : entries + 2);
    }),
  );
});
