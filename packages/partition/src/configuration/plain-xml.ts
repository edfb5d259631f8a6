// Reads what nearly every configuration consists of, elements without attributes, text and comments, at a tenth of libxml2's cost for the
// same tree: a hundred thousand points are a million elements.
//
// Promises: what comes back is what libxml2 makes of the same text. Whatever goes beyond those three, or is not well-formed, is left to libxml2,
// which knows all of XML and has the words for its mistakes.

import { LeafParent, leafElement, noAttributes, PackedLeaves } from "./packed-leaves.ts";
import type { XmlElement } from "./parse-xml.ts";

/** libxml2 refuses what is nested deeper, and longer texts. */
const deepest = 200;
const longestText = 1_000_000;

const declaration =
  /^<\?xml\s+version\s*=\s*(?:"1\.0"|'1\.0')(?:\s+encoding\s*=\s*(?:"[A-Za-z][\w.-]*"|'[A-Za-z][\w.-]*'))?\s*\?>/;

// Controls and half characters, which are none of XML (1.0, 2.2), and what begins or ends a CDATA section.
const foreign = /(?![\t\n\r])\p{Cc}|\p{Cs}|[\ufffe\uffff]|\]\]>|<!\[/u;

const wholeName = /^[A-Za-z_][\w.-]*$/;
/** XML's names have no bound; what is longer than any of ours is libxml2's. */
const longestName = 100;
const reference = /&(?:amp|lt|gt|quot|apos);/g;
const foreignReference = /&(?!(?:amp|lt|gt|quot|apos);)/;
const characters: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
};

/** It holds more than text. */
interface OpenElement {
  readonly name: string;
  readonly line: number;
  hasOwnText: boolean;
  /** Its children among the packed leaves begin here. */
  readonly firstLeaf: number;
  /** Undefined: all of them are packed leaves. */
  children: XmlElement[] | undefined;
}

/** The outermost element; undefined when the text needs libxml2. */
export function parsePlainXml(text: string): XmlElement | undefined {
  if (foreign.test(text)) return undefined;
  const open: OpenElement[] = [];
  const leaves = new PackedLeaves(text, contentOf);
  /** Each once, however many elements have it, and how such an element ends. */
  const names = new Map<string, { readonly name: string; readonly endTag: string }>();
  let root: XmlElement | undefined;
  let line = 1;
  let at = declaration.exec(text)?.[0].length ?? 0;
  let nextBreak = text.indexOf("\n");
  for (;;) {
    const tag = text.indexOf("<", at);
    const end = tag === -1 ? text.length : tag;
    const parent = open.at(-1);
    if (!isBlank(text, at, end)) {
      if (parent === undefined) return undefined;
      if (text.slice(at, end).includes("&")) return undefined;
      parent.hasOwnText = true;
    }
    if (tag === -1) return open.length === 0 ? root : undefined;
    for (; nextBreak !== -1 && nextBreak < tag; nextBreak = text.indexOf("\n", nextBreak + 1)) line += 1;
    const next = text.charCodeAt(tag + 1);
    if (next === slash) {
      const close = text.indexOf(">", tag);
      if (parent === undefined || close - tag - 2 !== parent.name.length || !text.startsWith(parent.name, tag + 2))
        return undefined;
      const element = closed(parent, leaves);
      if (element === undefined) return undefined;
      open.pop();
      const above = open.at(-1);
      if (above === undefined) root = element;
      else above.children?.push(element);
      at = close + 1;
    } else if (next === exclamation) {
      if (!text.startsWith("<!--", tag)) return undefined;
      const close = text.indexOf("--", tag + 4);
      if (close === -1 || text.charCodeAt(close + 2) !== greater) return undefined;
      at = close + 3;
    } else {
      const close = text.indexOf(">", tag);
      if (close === -1 || close - tag > longestName || root !== undefined || open.length > deepest) return undefined;
      const written = text.slice(tag + 1, close);
      let known = names.get(written);
      if (known === undefined) {
        if (!wholeName.test(written)) return undefined;
        names.set(written, (known = { name: written, endTag: `</${written}>` }));
      }
      const { name, endTag } = known;
      const behind = text.indexOf("<", close);
      if (text.startsWith(endTag, behind)) {
        const content = text.slice(close + 1, behind);
        if (!isLeafText(content)) return undefined;
        if (parent === undefined) root = leafElement({ name, line }, contentOf(content));
        else if (parent.children === undefined) leaves.add({ name, line }, close + 1, behind);
        else parent.children.push(leafElement({ name, line }, contentOf(content)));
        at = behind + endTag.length;
      } else {
        if (parent !== undefined) parent.children ??= leaves.takeFrom(parent.firstLeaf);
        open.push({ name, line, hasOwnText: false, firstLeaf: leaves.count, children: undefined });
        at = close + 1;
      }
    }
  }
}

const slash = 0x2f;
const exclamation = 0x21;
const greater = 0x3e;

/** Undefined without a child: where a comment cuts the text of a leaf in two is libxml2's. */
function closed(element: OpenElement, leaves: PackedLeaves): XmlElement | undefined {
  const { name, line, children, hasOwnText, firstLeaf } = element;
  if (children !== undefined) return { name, line, text: "", children, attributes: noAttributes, hasOwnText };
  return firstLeaf === leaves.count ? undefined : new LeafParent(element, leaves, firstLeaf);
}

function isLeafText(written: string): boolean {
  return written.length <= longestText && !(written.includes("&") && foreignReference.test(written));
}

/** Line ends as XML has them (2.11), and the five references resolved. */
function contentOf(written: string): string {
  const text = written.includes("\r") ? written.replaceAll(/\r\n?/g, "\n") : written;
  return text.includes("&") ? text.replaceAll(reference, (found) => characters[found] ?? found) : text;
}

function isBlank(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x09 && code !== 0x0d) return false;
  }
  return true;
}
