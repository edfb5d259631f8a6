import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { compileSchema, parseAnyXml, parseXml } from "../../../packages/partition/src/configuration/parse-xml.ts";
import { parsePlainXml } from "../../../packages/partition/src/configuration/plain-xml.ts";
import { readXmlText } from "../../../packages/partition/src/configuration/read-xml-text.ts";
import { shippedFile } from "../../../packages/partition/src/configuration/shipped-files.ts";
import { modbusServersXml } from "../../plant/configuration-xml.ts";

const schemas = ["modbustcp-endpoints.xsd", "opcua-endpoints.xsd"].map((name) =>
  compileSchema(readFileSync(shippedFile(name), "utf8")),
);
const [modbusSchema] = schemas;
assert.ok(modbusSchema !== undefined);

test("what is read without libxml2 is what libxml2 reads, for every case and both grammars", () => {
  const folder = join(import.meta.dirname, "cases");
  let plain = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((one) => one.endsWith(".xml"))) {
    const read = readXmlText(join(folder, name));
    if (!read.ok) continue;
    if (parsePlainXml(read.text) !== undefined) plain++;
    for (const schema of schemas) assert.deepEqual(parseXml(read.text, schema), parseAnyXml(read.text, schema), name);
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
      assert.deepEqual(parseXml(text, modbusSchema), parseAnyXml(text, modbusSchema));
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
