// Every way of breaking XML that a person may stumble on, with the words that name it and its remedy. The texts go through the parser, so
// that another release of it with other sentences shows here.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  describeMalformed,
  withAmpersandsMended,
} from "../../../packages/partition/src/configuration/malformed-words.ts";
import { compileSchema, parseXml } from "../../../packages/partition/src/configuration/parse-xml.ts";

const schema =
  compileSchema(`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"><xs:complexType><xs:sequence>
  <xs:element name="b" type="xs:string" minOccurs="0"/></xs:sequence></xs:complexType></xs:element></xs:schema>`);

const attribute = "elements of this file have no attributes: write the value between the tags";
const declaration = `the line <?xml ... ?> has a mistake; write <?xml version="1.0" encoding="UTF-8"?>`;
const lessThan = "a < stands here that begins no element; write &lt; for the character <";
const remedy = "use an XML file that begins with <a>";

for (const [text, ...expected] of [
  ["name;function;address\nDruck;3;100\n", `1: this is not XML but probably a table (CSV); ${remedy}`],
  ['{"a": 1}', `1: this is not XML but JSON, it seems; ${remedy}`],
  ["-----BEGIN CERTIFICATE-----\nMII", `1: this is not XML but a certificate or key; ${remedy}`],
  ["hello", `1: this is not XML but another kind of text; ${remedy}`],
  ["  \n ", `2: the file holds nothing but white space; ${remedy}`],
  ['<?xml version="1.0"?><!-- x -->', `1: the file holds no element; ${remedy}`],
  ["<a>\n<b>Soll & Ist</b></a>", "2: a & stands in the text of <b>; write &amp; for the character &"],
  ["<a>\n<b>R&D</b></a>", "2: a & stands in the text of <b>; write &amp; for the character &"],
  ["<a><b>\n&;</b></a>", "2: a & stands in a text; write &amp; for the character &"],
  ["<a><b>&uuml;</b></a>", "1: &uuml; is not known in XML; write the character itself, or &amp;uuml; for the text"],
  ["<a><b>x < 5</b></a>", `1: ${lessThan}`],
  ["<a><1b/></a>", `1: ${lessThan}`],
  ["<a>\n<b>1</c></a>", "2: </c> ends <b> of line 2; write </b>, or close <b> before"],
  ["<a>\n<b>1</B></a>", "2: </B> ends <b> of line 2; write </b>, or close <b> before"],
  ["<a><b>1</b>", "1: the file ends before <a> of line 1 is closed; add </a>, or get the whole file"],
  ["<a><b\n<b>1</b></a>", "2: the tag <b of line 1 is not complete; it must be <b>"],
  ["<a x/>", `1: a tag holds "x"; ${attribute}`],
  [
    "<a x=1></a>",
    `1: the value of an attribute is not in quotation marks; ${attribute}`,
    "1: the tag <a of line 1 is not complete; it must be <a>",
  ],
  ["<a x='1' x='2'/>", `1: the attribute "x" stands twice; ${attribute}`],
  ["<a></a>\n<b/>", "2: something follows after the last closing tag; a file holds one <a> and nothing after it"],
  [
    "\n<?xml version='1.0'?><a/>",
    "2: the line <?xml ... ?> must be the first of the file; remove what stands before it, empty lines too",
  ],
  ["<?xml version='1.0' ><a/>", `1: ${declaration}`],
  ["<?xml version=1.0?><a/>", `1: ${declaration}`],
  ["<?xml encoding='UTF-8'?><a/>", `1: ${declaration}`],
  ["<?xml version='2.0'?><a/>", `1: ${declaration}`],
  ["<a><b>\u001b</b></a>", "1: the file holds the control character U+001B, which XML does not allow; remove it"],
  ["<a><b>&#27;</b></a>", "1: &#27; means the character U+001B, which XML does not allow; remove it"],
  [
    "<a><b>&#xZZ;</b></a>",
    "1: &# begins no character that XML knows; write for example &#228;, or the character itself",
  ],
  ["<a><!-- x </a>", "1: a comment is not closed; write --> at its end"],
  [
    "<a><!-- x -- y --></a>",
    "1: a comment holds two hyphens; write <!-- at its start, --> at its end and no -- between them",
  ],
  ["<a><b><![CDATA[ x </b></a>", "1: a CDATA section is not closed; write ]]> at its end"],
  ["<a><b>]]></b></a>", "1: ]]> stands in a text; write ]]&gt;"],
  ["<a><?x </a>", "1: <? begins something that is not closed by ?>; remove it, or write &lt;? for the characters"],
  ["<a><x:b/></a>", '1: an element or attribute has the prefix "x:"; elements of this file have none: remove it'],
  ["<a><b></b x></a>", "1: a closing tag is not complete; it must be </name>"],
  ["<a>".repeat(300), "1: elements are nested more than 256 deep; check for missing closing tags"],
] as const) {
  test(`${JSON.stringify(text.slice(0, 40))} is explained`, () => {
    const parsed = parseXml(text, schema);
    assert.ok(!parsed.wellFormed);
    const said = describeMalformed(parsed.errors, text, "a").map(({ line, message }) => `${line}: ${message}`);
    assert.deepEqual(said, expected);
  });
}

const saidOf = (text: string): readonly string[] => {
  const parsed = parseXml(text, schema);
  assert.ok(!parsed.wellFormed);
  return describeMalformed(parsed.errors, text, "a").map(({ line, message }) => `${line}: ${message}`);
};

test("a closing tag that is missing is told once, and two that are misspelt are told twice", () => {
  assert.deepEqual(saidOf("<a>\n<list>\n<b><c>1</c>\n<b><c>2</c></b>\n</list>\n</a>\n"), [
    "5: </list> ends <b> of line 3; write </b>, or close <b> before",
  ]);
  assert.deepEqual(saidOf("<a>\n<b>1</c>\n<c>2</d>\n</a>"), [
    "2: </c> ends <b> of line 2; write </b>, or close <b> before",
    "3: </d> ends <c> of line 3; write </c>, or close <c> before",
  ]);
});

test("a sentence of the parser that is not known is passed on", () => {
  const unknown = { line: 3, message: "something new" };
  assert.deepEqual(describeMalformed([unknown], "", "a"), [
    { line: 3, message: "this is not well-formed XML: something new" },
  ]);
});

test("a password with a & in it is not shown", () => {
  const text = "<a>\n<b>secret&word</b></a>";
  const parsed = parseXml(text, schema);
  assert.ok(!parsed.wellFormed);
  for (const { message } of describeMalformed(parsed.errors, text, "a")) assert.doesNotMatch(message, /secret|word/);
});

test("only stray ampersands are mended, and no line moves", () => {
  const kept = "<a><!-- R&D --><b><![CDATA[R&D\n]]>&amp; &#228; &#xE4; &lt;</b></a>";
  assert.equal(withAmpersandsMended(kept), kept);
  assert.equal(withAmpersandsMended("R&D &\n&uuml; &#x; &amp"), "R&amp;D &amp;\n&amp;uuml; &amp;#x; &amp;amp");
});
