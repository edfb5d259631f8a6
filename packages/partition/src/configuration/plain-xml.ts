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

interface OpenElement {
  readonly name: string;
  readonly line: number;
  /** Nothing but text so far. */
  isLeaf: boolean;
  hasOwnText: boolean;
  /** Its children among the packed leaves begin here. */
  firstLeaf: number;
  /** Undefined: all of them are packed leaves. */
  children: XmlElement[] | undefined;
}

/** The outermost element; undefined when the text needs libxml2. */
export function parsePlainXml(text: string): XmlElement | undefined {
  if (foreign.test(text)) return undefined;
  const open: OpenElement[] = [];
  const leaves = new PackedLeaves(text, contentOf);
  /** Each once, however many elements have it. */
  const names = new Map<string, string>();
  let root: XmlElement | undefined;
  let line = 1;
  let at = declaration.exec(text)?.[0].length ?? 0;
  let nextBreak = text.indexOf("\n");
  for (;;) {
    const tag = text.indexOf("<", at);
    const end = tag === -1 ? text.length : tag;
    const parent = open.at(-1);
    const isLeafEnd = text.charCodeAt(end + 1) === slash && parent?.isLeaf === true;
    if (!isLeafEnd && !isBlank(text, at, end)) {
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
      if (parent.isLeaf ? !isLeafText(text.slice(at, tag)) : isEmpty(parent, leaves)) return undefined;
      open.pop();
      const above = open.at(-1);
      if (parent.isLeaf && above !== undefined && above.children === undefined) leaves.add(parent, at, tag);
      else {
        const element = parent.isLeaf ? leafElement(parent, contentOf(text.slice(at, tag))) : closed(parent, leaves);
        if (above === undefined) root = element;
        else above.children?.push(element);
      }
      at = close + 1;
    } else if (next === exclamation) {
      // A comment cuts the text of a leaf in two.
      if (!text.startsWith("<!--", tag)) return undefined;
      const close = text.indexOf("--", tag + 4);
      if (close === -1 || text.charCodeAt(close + 2) !== greater) return undefined;
      holdMore(open, leaves);
      at = close + 3;
    } else {
      const close = text.indexOf(">", tag);
      if (close === -1 || close - tag > longestName || root !== undefined || open.length > deepest) return undefined;
      const written = text.slice(tag + 1, close);
      let name = names.get(written);
      if (name === undefined) {
        if (!wholeName.test(written)) return undefined;
        names.set(written, (name = written));
      }
      holdMore(open, leaves);
      open.push({ name, line, isLeaf: true, hasOwnText: false, firstLeaf: 0, children: undefined });
      at = close + 1;
    }
  }
}

const slash = 0x2f;
const exclamation = 0x21;
const greater = 0x3e;

/** The innermost element is no leaf, and the one around it no parent of leaves. */
function holdMore(open: readonly OpenElement[], leaves: PackedLeaves): void {
  const inner = open.at(-1);
  if (inner?.isLeaf !== true) return;
  inner.isLeaf = false;
  const outer = open.at(-2);
  if (outer !== undefined) outer.children ??= leaves.takeFrom(outer.firstLeaf);
  inner.firstLeaf = leaves.count;
}

/** Nothing but a comment: where its text ends and begins again is libxml2's. */
function isEmpty({ children, firstLeaf }: OpenElement, leaves: PackedLeaves): boolean {
  return children === undefined && firstLeaf === leaves.count;
}

function closed(element: OpenElement, leaves: PackedLeaves): XmlElement {
  const { name, line, children, hasOwnText, firstLeaf } = element;
  if (children === undefined) return new LeafParent(element, leaves, firstLeaf);
  return { name, line, text: "", children, attributes: noAttributes, hasOwnText };
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
