// A YAML text as a tree in which everything knows its line. Only this file knows the library.
//
// Promises: all errors of the syntax with their lines. Anchors and aliases are refused: a few lines of them can stand for gigabytes.

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, stringify } from "yaml";
import type { Problems } from "./problems.ts";

export type YamlNode = YamlMap | YamlList | YamlScalar;

export interface YamlMap {
  readonly kind: "map";
  readonly line: number;
  readonly entries: ReadonlyMap<string, { readonly line: number; readonly node: YamlNode }>;
}

export interface YamlList {
  readonly kind: "list";
  readonly line: number;
  readonly items: readonly YamlNode[];
}

export interface YamlScalar {
  readonly kind: "scalar";
  readonly line: number;
  readonly value: string | number | boolean | null;
  /** As it is written, without quotes: `007` is a text where one is wanted. */
  readonly text: string;
}

/** Undefined, with errors, when the text is no YAML. */
export function parseYaml(text: string, problems: Problems): YamlNode | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const lineOf = (offset: number | undefined): number => Math.max(1, lines.linePos(offset ?? 0).line);
  for (const { message, pos } of document.errors)
    problems.error(lineOf(pos[0]), `this is not YAML: ${firstSentence(message)}`);
  if (document.errors.length > 0) return undefined;
  const convert = (node: unknown, line: number): YamlNode => {
    if (isMap(node)) {
      const here = lineOf(node.range?.[0]);
      const entries = new Map<string, { readonly line: number; readonly node: YamlNode }>();
      for (const { key, value } of node.items) {
        const keyLine = isScalar(key) ? lineOf(key.range?.[0]) : here;
        entries.set(String(isScalar(key) ? key.value : key), { line: keyLine, node: convert(value, keyLine) });
      }
      return { kind: "map", line: here, entries };
    }
    if (isSeq(node)) {
      const here = lineOf(node.range?.[0]);
      return { kind: "list", line: here, items: node.items.map((item) => convert(item, here)) };
    }
    if (isScalar(node)) {
      const { value, source = "" } = node;
      const here = lineOf(node.range?.[0]);
      if (typeof value === "string") return { kind: "scalar", line: here, value, text: value };
      const isPlain = typeof value === "number" || typeof value === "boolean";
      return { kind: "scalar", line: here, value: isPlain ? value : null, text: isPlain ? source : "" };
    }
    if (isAlias(node)) problems.error(line, "an alias (*name) cannot be used here; write the value itself");
    return { kind: "scalar", line, value: null, text: "" };
  };
  return convert(document.contents, 1);
}

/** What options of the command line say, as the text of a file: it is read and judged as one. */
export function yamlText(value: unknown): string {
  return stringify(value);
}

function firstSentence(message: string): string {
  return (message.split("\n")[0] ?? "").replace(/[:.]?$/, "");
}
