import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as fc from "fast-check";

import type { ElementGrammar } from "../../../packages/partition/src/configuration/grammar.ts";
import { compileSchema, parseXml } from "../../../packages/partition/src/configuration/parse-xml.ts";
import type { XmlElement } from "../../../packages/partition/src/configuration/parse-xml.ts";
import { describeViolation } from "../../../packages/partition/src/configuration/schema-words.ts";

const config = join(import.meta.dirname, "../../../packages/partition/config");
const grammars = ["modbustcp-endpoints.xsd", "opcua-endpoints.xsd"].map((name) => ({
  name,
  text: readFileSync(join(config, name), "utf8"),
}));

const schema = compileSchema(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="Digit"><xs:annotation><xs:documentation>a digit</xs:documentation></xs:annotation>
    <xs:restriction base="xs:integer"><xs:maxInclusive value="9"/></xs:restriction></xs:simpleType>
  <xs:element name="r"><xs:complexType><xs:sequence>
    <xs:element name="e" type="Digit" minOccurs="0" maxOccurs="unbounded"/>
  </xs:sequence></xs:complexType></xs:element></xs:schema>`);

function parse(text: string): { readonly root: XmlElement; readonly violations: readonly string[] } {
  const parsed = parseXml(text, schema);
  assert.ok(parsed.wellFormed, JSON.stringify(parsed));
  const violations = parsed.violations.map((one) => `${one.line}: ${describeViolation(one, schema.grammar)}`);
  return { root: parsed.root, violations };
}

test("every element knows its line, whatever holds a less-than sign before it", () => {
  const piece = fc.constantFrom(
    "<e>1</e>",
    "<e\n>2</e>",
    "\n",
    "<!-- <e> \n -->",
    "<?p <e>\n?>",
    "<e><![CDATA[3]]><!--<e>--></e>",
    "<e>\n4<?p\n<e>?>\n</e>",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const text = `<r>${pieces.join("")}</r>`;
      const expected: number[] = [];
      let line = 1;
      for (const one of pieces) {
        if (one.startsWith("<e")) expected.push(line);
        line += one.split("\n").length - 1;
      }
      assert.deepEqual(
        parse(text).root.children.map((child) => child.line),
        expected,
      );
    }),
  );
});

test("lines are counted past 65535", () => {
  const { root, violations } = parse(`<r>${"\n".repeat(70_000)}<e>1</e>\n<e>10</e></r>`);
  assert.equal(root.children[0]?.line, 70_001);
  assert.deepEqual(violations, ['70002: <e> is "10"; it must be a digit']);
});

test("a DOCTYPE that got past the reader is refused here", () => {
  assert.equal(parseXml("<!DOCTYPE r><r/>", schema).wellFormed, false);
});

test("the encoding in the first line does not change a text that is decoded already", () => {
  assert.equal(parse('<?xml version="1.0" encoding="ISO-8859-1"?><r><e>ü</e></r>').root.children[0]?.text, "ü");
});

test("a violation that is not recognised keeps the words of the parser", () => {
  const violation = { line: 1, message: "Element 'r': something new.", element: undefined };
  assert.equal(describeViolation(violation, schema.grammar), "Element 'r': something new.");
});

function valuesIn(element: ElementGrammar): readonly ElementGrammar[] {
  if (element.value !== undefined) return [element];
  return element.slots.flatMap(({ elements }) => elements.flatMap(valuesIn));
}

for (const { name, text } of grammars) {
  const elements = [
    ...text.matchAll(/<xs:element name="(\w+)"(?: type="([\w:]+)")?[^>]*?(\/)?>\s*(<xs:annotation>)?/g),
  ];

  test(`${name} says for every type of its own what is allowed in it`, () => {
    const own = valuesIn(compileSchema(text).grammar).filter(({ value }) => !value?.typeName.startsWith("xs:"));
    assert.ok(own.length > 5);
    for (const { name: element, value } of own) assert.ok(value?.allowed, element);
  });

  test(`${name} documents every setting, and so does docs/configuration.md`, () => {
    const documentation = readFileSync(join(import.meta.dirname, "../../../docs/configuration.md"), "utf8");
    assert.ok(elements.length > 15);
    for (const [, element] of elements) assert.ok(documentation.includes(`\`${element}\``), `${element} in docs`);
    const groups = [...text.matchAll(/<xs:group name=[^]*?<\/xs:group>/g)].join("");
    const settings = [...groups.matchAll(/<xs:element name="(\w+)"[^>]*>\s*(<xs:annotation>)?/g)];
    assert.ok(settings.length >= 5);
    for (const [, setting, annotation] of settings) assert.ok(annotation, `${setting} has no xs:documentation`);
  });
}
