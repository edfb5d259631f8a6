import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { compileSchema, parseAnyXml, parseXml } from "../../../packages/partition/src/configuration/parse-xml.ts";
import type { ParsedXml, XmlElement } from "../../../packages/partition/src/configuration/parse-xml.ts";
import { parsePlainXml } from "../../../packages/partition/src/configuration/plain-xml.ts";
import { readXmlText } from "../../../packages/partition/src/configuration/read-xml-text.ts";
import { shippedFile } from "../../../packages/partition/src/configuration/shipped-files.ts";
import { modbusServersXml } from "../../plant/configuration-xml.ts";

const schemas = ["modbustcp-endpoints.xsd", "opcua-endpoints.xsd"].map((name) =>
  compileSchema(readFileSync(shippedFile(name), "utf8")),
);
const [modbusSchema] = schemas;
assert.ok(modbusSchema !== undefined);

function asObjects(parsed: ParsedXml): ParsedXml {
  const copy = (element: XmlElement): XmlElement => ({ ...element, children: element.children.map(copy) });
  if (!parsed.wellFormed) return parsed;
  const violations = parsed.violations.map(({ element, ...where }) => ({
    ...where,
    element: element && copy(element),
  }));
  return { ...parsed, root: copy(parsed.root), violations };
}

test("what is read without libxml2 is what libxml2 reads, for every case and both grammars", () => {
  const folder = join(import.meta.dirname, "cases");
  let plain = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((one) => one.endsWith(".xml"))) {
    const read = readXmlText(join(folder, name));
    if (!read.ok) continue;
    if (parsePlainXml(read.text) !== undefined) plain++;
    for (const schema of schemas)
      assert.deepEqual(asObjects(parseXml(read.text, schema)), parseAnyXml(read.text, schema), name);
  }
  assert.ok(plain > 40, String(plain));
});

const pieces = [
  "<a>",
  "</a>",
  "<b>",
  "</b>",
  "<b>1</b>",
  "<a><b>x</b></a>",
  "<b/>",
  "<b >",
  "</b >",
  '<b c="1">',
  "<x:y>",
  "<1>",
  " ",
  "\n",
  "\r\n",
  "\r",
  "\t",
  "text",
  "ä",
  "\u{1f600}",
  "\ud83d",
  "\u0085",
  "\u00a0",
  "\u0001",
  "\ufffe",
  ">",
  "]]>",
  "&amp;",
  "&lt;",
  "&#65;",
  "&nbsp;",
  "&",
  "<!-- c -->",
  "<!---->",
  "<!-- -- -->",
  "<!--->",
  "<![CDATA[x]]>",
  "<?p?>",
  "<?xml version='1.0'?>",
  "<!DOCTYPE a>",
];

test("no text is read otherwise than libxml2 reads it, well-formed or not", () => {
  let plain = 0;
  const inner = fc.array(fc.constantFrom(...pieces), { maxLength: 8 }).map((parts) => parts.join(""));
  const document = fc
    .tuple(inner, fc.constantFrom("", "\n", "<!-- c -->", "x"))
    .map(([content, behind]) => `<modbus-servers>${content}</modbus-servers>${behind}`);
  fc.assert(
    fc.property(document, (text) => {
      if (parsePlainXml(text) === undefined) return;
      plain++;
      assert.deepEqual(asObjects(parseXml(text, modbusSchema)), parseAnyXml(text, modbusSchema));
    }),
    { numRuns: 3000 },
  );
  assert.ok(plain > 100, String(plain));
});

test("in a long list each wrong value is found, also beside values that were right before", () => {
  const wrong = new Map([
    [700, { address: 70_000 }],
    [900, { address: 5, name: "" }],
    [1100, { address: 5, quantity: 0 }],
    [1400, { address: 5, settings: "<unitId>300</unitId>" }],
  ]);
  const endpoints = Array.from({ length: 1600 }, (_, at) => ({ name: `n${at}`, address: 5, ...wrong.get(at) }));
  const text = modbusServersXml({ alias: "A", port: 502, endpoints });
  const parsed = parseXml(text, modbusSchema);
  assert.ok(parsed.wellFormed);
  const lines = text.split("\n");
  const places = parsed.violations.map(({ line }) => lines.slice(0, line).join("").split("<endpoint>").length - 2);
  assert.deepEqual([...new Set(places)], [...wrong.keys()]);
});

test("an element with a wrong value is the same object in the tree and in what is said of it", () => {
  const endpoints = Array.from({ length: 600 }, (_, at) => ({
    name: `n${at}`,
    address: at % 2 === 0 ? 5 : 70_000 + at,
  }));
  const parsed = parseXml(modbusServersXml({ alias: "A", port: 502, endpoints }), modbusSchema);
  assert.ok(parsed.wellFormed);
  const all = (element: XmlElement): readonly XmlElement[] => [element, ...element.children.flatMap(all)];
  const inTree = new Set(all(parsed.root));
  const wrong = new Set(parsed.violations.map(({ element }) => element));
  assert.equal(wrong.size, 300);
  for (const element of wrong) assert.ok(element !== undefined && inTree.has(element), element?.text);
});

test("an element keeps its children under another spelling of its name", () => {
  const written = modbusServersXml({ alias: "A", port: 502, endpoints: [{ name: "n", address: 1 }] });
  const text = written.replaceAll("endpoint>", "Endpoint>");
  assert.notEqual(text, written);
  const parsed = parseXml(text, modbusSchema);
  assert.deepEqual(asObjects(parsed), parseAnyXml(text, modbusSchema));
  assert.ok(parsed.wellFormed);
  assert.deepEqual(parsed.violations, []);
});

test("the leaves of a large document are no objects until somebody looks at them", () => {
  const endpoints = Array.from({ length: 2000 }, (_, at) => ({ name: `n${at}`, address: at }));
  const parsed = parseXml(modbusServersXml({ alias: "A", port: 502, endpoints }), modbusSchema);
  assert.ok(parsed.wellFormed);
  const read = parsed.root.children[0]?.children.at(-1)?.children ?? [];
  assert.equal(read.length, 2000);
  const [first, second] = read.map(({ children }) => children);
  assert.deepEqual(first?.map(({ text }) => text).slice(0, 1), ["n0"]);
  assert.notEqual(read[0]?.children, first);
  assert.deepEqual(read[0]?.children, first);
  assert.notEqual(second, first);
});
