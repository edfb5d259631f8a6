// The way from a file to its root element that all configurations share: read, parse, hold against the grammar,
// and put every violation into words. Grammars are compiled once per process.

import { readFileSync } from "node:fs";

import { Fields } from "./fields.ts";
import type { OtherNamesOfTypes } from "./grammar.ts";
import { describeMalformed, withAmpersandsMended } from "./malformed-words.ts";
import { compileSchema, parseXml } from "./parse-xml.ts";
import { shippedFile } from "./shipped-files.ts";
import type { Schema, XmlElement } from "./parse-xml.ts";
import { Findings } from "./problem.ts";
import { readXmlText } from "./read-xml-text.ts";
import { describeViolation } from "./schema-words.ts";

/** What configuration files are held against. */
export interface Grammar {
  /** An XSD 1.0 among the files that are shipped. */
  readonly file: string;
  readonly otherNames: OtherNamesOfTypes;
}

const schemas = new Map<Grammar, Schema>();

function schemaOf(grammar: Grammar): Schema {
  let schema = schemas.get(grammar);
  if (schema === undefined) {
    schema = compileSchema(readFileSync(shippedFile(grammar.file), "utf8"), grammar.otherNames);
    schemas.set(grammar, schema);
  }
  return schema;
}

/** The servers of all files, in the order of the files, and what was found in them so far. `files` has one at least. */
export function openServers(
  grammar: Grammar,
  files: readonly string[],
  reading: (file: string) => void = () => {},
): { readonly findings: Findings; readonly servers: readonly Fields[] } {
  const findings = new Findings(files[0] ?? "");
  const servers = files.flatMap((file) => {
    reading(file);
    return openConfiguration(grammar, findings.in(file))?.list("server") ?? [];
  });
  return { findings, servers };
}

/** The root element; undefined when there is none worth reading. What is wrong is in `findings` then, and also otherwise. */
function openConfiguration(grammar: Grammar, findings: Findings): Fields | undefined {
  const schema = schemaOf(grammar);
  const read = readXmlText(findings.file);
  if (!read.ok) {
    findings.error(read.line, read.message);
    return undefined;
  }
  let parsed = parseXml(read.text, schema);
  if (!parsed.wellFormed) {
    const places = describeMalformed(parsed.errors, read.text, schema.grammar.name);
    for (const { line, message } of places) findings.error(line, message);
    parsed = parseXml(withAmpersandsMended(read.text), schema);
    if (!parsed.wellFormed) return undefined;
  }
  const invalid = new Set<XmlElement>();
  const said = new Set<string>();
  for (const violation of parsed.violations) {
    if (violation.element !== undefined) invalid.add(violation.element);
    const message = describeViolation(violation, schema.grammar);
    // One wrong value can break several rules of the grammar; in words it is one and the same.
    const once = `${violation.line}:${message}`;
    if (said.has(once)) continue;
    said.add(once);
    findings.error(violation.line, message);
  }
  if (parsed.root.name !== schema.grammar.name) return undefined;
  return new Fields(parsed.root, { invalid, findings });
}
