// The structure of a document is judged by our own reading of the grammar; libxml2, with the same grammar, is the judge of that judgement.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as fc from "fast-check";

import { arrange } from "../../../packages/partition/src/configuration/arrange.ts";
import type { ElementGrammar } from "../../../packages/partition/src/configuration/grammar.ts";
import { compileSchema, parseXml } from "../../../packages/partition/src/configuration/parse-xml.ts";
import { parsePlainXml } from "../../../packages/partition/src/configuration/plain-xml.ts";

const grammars = ["modbustcp-endpoints.xsd", "opcua-endpoints.xsd"].map((name) => ({
  name,
  schema: compileSchema(readFileSync(join(import.meta.dirname, "../../../packages/partition/config", name), "utf8")),
}));

/** Something that a type allows, found by trying. */
const samples = [
  "1",
  "x",
  "None",
  "SecurityPolicyNone",
  "Numeric",
  "opc.tcp://a:4840",
  "ABCD",
  "1.2",
  "Double",
  "true",
];

/** A document with every element that is required, in the order of the grammar or in another one, and with more of the others. */
function documents(element: ElementGrammar, isShuffled: boolean): fc.Arbitrary<string> {
  const { name, value, slots } = element;
  if (value !== undefined) {
    return fc
      .constantFrom(...samples)
      .map((sample) => `<${name}>${value.words[0] ?? (value.isWholeNumber ? "1" : sample)}</${name}>`);
  }
  const children = slots.map(({ elements, isRequired, isAlternative }) => {
    const isOne = isRequired || isAlternative;
    const some = isOne ? fc.constantFrom(...elements).map((one) => [one]) : fc.subarray([...elements]);
    return some.chain((chosen) => fc.tuple(...chosen.map((child) => documents(child, isShuffled))));
  });
  return fc
    .tuple(...children)
    .map((parts) => parts.flat())
    .chain((parts) => (isShuffled ? fc.shuffledSubarray(parts, { minLength: parts.length }) : fc.constant(parts)))
    .map((parts) => `<${name}>${parts.join("")}</${name}>`);
}

for (const { name, schema } of grammars) {
  for (const isShuffled of [false, true]) {
    test(`${name}: no structure is refused that libxml2 accepts, ${isShuffled ? "in any order" : "in order"}`, () => {
      fc.assert(
        fc.property(documents(schema.grammar, isShuffled), (text) => {
          const parsed = parseXml(text, schema);
          assert.ok(parsed.wellFormed);
          // Values may be wrong; whatever else libxml2 says would be about the structure.
          for (const { message } of parsed.violations) assert.match(message, /not a valid value|\[facet /, text);
        }),
        { numRuns: 50 },
      );
    });
  }

  test(`${name}: a document in order is kept as it is, and a text between its elements is found`, () => {
    fc.assert(
      fc.property(documents(schema.grammar, false), fc.nat(), (text, chosen) => {
        const read = parsePlainXml(text) ?? assert.fail();
        const { root, violations } = arrange(read, schema.grammar);
        assert.deepEqual(violations, []);
        assert.ok(read.children.every((child) => root.children.includes(child)));
        const ends = [...text.matchAll(/(?<=>)<\/\w+>/g)];
        const { index } = ends[chosen % ends.length] ?? assert.fail();
        const parsed = parseXml(`${text.slice(0, index)}x${text.slice(index)}`, schema);
        assert.ok(parsed.wellFormed);
        assert.match(parsed.violations.map(({ message }) => message).join("\n"), /there is text between the elements/);
      }),
      { numRuns: 50 },
    );
  });

  test(`${name}: every element that is taken away is missed, once, and hides nothing`, () => {
    fc.assert(
      fc.property(documents(schema.grammar, false), fc.nat(), (text, chosen) => {
        const leaves = [...text.matchAll(/<(\w+)>[^<]*<\/\1>/g)];
        const leaf = leaves[chosen % leaves.length] ?? assert.fail();
        const without = text.slice(0, leaf.index) + text.slice(leaf.index + leaf[0].length);
        const parsed = parseXml(
          `${without.slice(0, without.lastIndexOf("</"))}<unheard/>${without.slice(without.lastIndexOf("</"))}`,
          schema,
        );
        assert.ok(parsed.wellFormed);
        const structural = parsed.violations.filter(({ message }) => !/not a valid value|\[facet /.test(message));
        const required = isNeeded(schema.grammar, parentAt(text, leaf.index), leaf[1] ?? "");
        assert.equal(structural.length, required ? 2 : 1, JSON.stringify(structural));
      }),
      { numRuns: 50 },
    );
  });
}

/** An element of one name may be required in one element and not in another. */
function isNeeded(element: ElementGrammar, parent: string, name: string): boolean {
  return element.slots.some(
    ({ isRequired, elements }) =>
      (isRequired && element.name === parent && elements.some((own) => own.name === name)) ||
      elements.some((own) => isNeeded(own, parent, name)),
  );
}

/** The name of the element that is open at this place of a text. */
function parentAt(text: string, index: number): string {
  const open: string[] = [];
  for (const [, end, name = ""] of text.slice(0, index).matchAll(/<(\/?)(\w+)>/g)) {
    if (end === "") open.push(name);
    else open.pop();
  }
  return open.at(-1) ?? "";
}
