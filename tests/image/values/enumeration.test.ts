import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { BuiltInType } from "../../../packages/image/src/values/built-in-type.ts";
import { enumeratedText, enumerationText } from "../../../packages/image/src/values/enumeration.ts";

const { Int32, Int64, Double, String: Text } = BuiltInType;

test("every value has its own text, on one line, and others have none", () => {
  const value = fc.integer({ min: -1000, max: 1000 });
  fc.assert(
    fc.property(fc.array(fc.tuple(value, fc.string({ unit: "grapheme", maxLength: 50 }))), value, (members, asked) => {
      const enumeration = enumerationText(members);
      const first = members.find(([one, text]) => one === asked && text.replaceAll(/\p{Cc}+/gu, " ").trim() !== "");
      const expected = first?.[1].replaceAll(/\p{Cc}+/gu, " ").trim();
      assert.equal(enumeratedText(enumeration, { type: Int32, value: asked }), expected);
      assert.equal(enumeratedText(enumeration, { type: Int64, value: BigInt(asked) }), expected);
    }),
  );
});

test("what is no whole number has no text", () => {
  const enumeration = enumerationText([
    [1, "On"],
    [-2n, "a=b\nc"],
  ]);
  assert.equal(enumeration, "1=On\n-2=a=b c");
  assert.equal(enumeratedText(enumeration, { type: Int32, value: -2 }), "a=b c");
  for (const value of [1.5, Number.NaN, 2])
    assert.equal(enumeratedText(enumeration, { type: Double, value }), undefined);
  assert.equal(enumeratedText(enumeration, { type: Text, value: "1" }), undefined);
  assert.equal(enumeratedText(enumeration, { type: Int32, value: [1] }), undefined);
  assert.equal(enumeratedText(undefined, { type: Int32, value: 1 }), undefined);
});

test("a Boolean has the texts of 0 and 1", () => {
  const enumeration = enumerationText([
    [0, "Closed"],
    [1, "Open"],
  ]);
  const textOf = (value: boolean | readonly boolean[]): string | undefined =>
    enumeratedText(enumeration, { type: BuiltInType.Boolean, value });
  assert.deepEqual([true, false, [true]].map(textOf), ["Open", "Closed", undefined]);
});

test("a server cannot make an enumeration as long as it likes", () => {
  const enumeration = enumerationText(Array.from({ length: 5000 }, (_, value) => [value, "x".repeat(5000)]));
  assert.equal(enumeration.split("\n").length, 1000);
  assert.ok(enumeration.length < 210_000);
});
