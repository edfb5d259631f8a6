// The only door to libxml2: from the text of a document and a grammar (XSD 1.0) to a plain tree and what breaks the grammar.
//
// Promises: the tree is plain data, nothing of libxml2's memory survives the call. It is given even where the grammar is
// broken, so that the reader can go on and find what else is wrong. A validator stops at the first element that it does not
// expect; so the document is arranged first (arrange.ts), and what is left is valid in its structure, or held against a grammar
// in which every element is optional. Does not promise words for people: see schema-words.ts and malformed-words.ts.

import { ParseOption, XmlDocument, XmlElement as LibXmlElement, XmlParseError, XmlXPath } from "libxml2-wasm";
import { XmlValidateError, XsdValidator } from "libxml2-wasm";

import { arrange } from "./arrange.ts";
import { readGrammar, type ElementGrammar, type OtherNamesOfTypes } from "./grammar.ts";
import { JudgedValues } from "./judged-values.ts";
import { lastingChildren } from "./packed-leaves.ts";
import { parsePlainXml } from "./plain-xml.ts";
import { mostProblems } from "./problem.ts";

export interface XmlElement {
  /** `{URI}name` in a namespace. */
  readonly name: string;
  readonly line: number;
  /** As written, white space included; "" when the element holds elements. */
  readonly text: string;
  /** Maybe made anew each time (packed-leaves.ts). A copy needs them by name: `{ ...element }` leaves them out. */
  readonly children: readonly XmlElement[];
  readonly attributes: ReadonlyMap<string, string>;
  /** There is more than white space beside its children. */
  readonly hasOwnText: boolean;
}

/** A place where the document is not what the grammar says; the validator's part in libxml2's words. */
export interface Violation {
  readonly line: number;
  readonly message: string;
  readonly element: XmlElement | undefined;
}

export type ParsedXml =
  | { readonly wellFormed: true; readonly root: XmlElement; readonly violations: readonly Violation[] }
  | { readonly wellFormed: false; readonly errors: readonly { readonly line: number; readonly message: string }[] };

export interface Schema {
  readonly grammar: ElementGrammar;
  readonly validator: XsdValidator;
  /** The same grammar with every element optional: for the values of a document that lacks one. */
  readonly valueValidator: XsdValidator;
}

// IGNORE_ENC: the text is decoded already, whatever its first line says. NO_XXE and NONET: nothing is ever loaded.
const options = (ParseOption.XML_PARSE_NO_XXE |
  ParseOption.XML_PARSE_NONET |
  ParseOption.XML_PARSE_IGNORE_ENC |
  ParseOption.XML_PARSE_NO_SYS_CATALOG) as ParseOption;

const xsd = { xs: "http://www.w3.org/2001/XMLSchema" };

export function compileSchema(text: string, otherNames: OtherNamesOfTypes = {}): Schema {
  const document = XmlDocument.fromString(text, { option: options });
  try {
    const grammar = readGrammar(copyElement(document.root, startTagLines(text).values(), xsd.xs), otherNames);
    const validator = XsdValidator.fromDoc(document);
    for (const node of document.find(
      "//xs:complexType//xs:element | //xs:group//xs:element | //xs:sequence/xs:choice",
      xsd,
    )) {
      if (node instanceof LibXmlElement) node.setAttr("minOccurs", "0");
    }
    return { grammar, validator, valueValidator: XsdValidator.fromDoc(document) };
  } finally {
    document.dispose();
  }
}

export function parseXml(text: string, schema: Schema): ParsedXml {
  const plain = parsePlainXml(text);
  return plain === undefined ? parseAnyXml(text, schema) : judge(plain, schema);
}

/** With libxml2, whatever is in it. */
export function parseAnyXml(text: string, schema: Schema): ParsedXml {
  let document: XmlDocument;
  try {
    document = XmlDocument.fromString(text, { option: options });
  } catch (error) {
    if (!(error instanceof XmlParseError)) throw error;
    // The advice to raise a limit of the parser is for its programmers.
    const errors = error.details.map(({ line, message }) => ({
      line: Math.max(line, 1),
      message: message.replace(", use XML_PARSE_HUGE option", "").trim(),
    }));
    return { wellFormed: false, errors: errors.length > 0 ? errors : [{ line: 1, message: "no XML document" }] };
  }
  try {
    // The text was searched for one before; this is the second lock on the same door.
    if (document.dtd !== null) return { wellFormed: false, errors: [{ line: 1, message: "a DOCTYPE is refused" }] };
    return judge(copyElement(document.root, startTagLines(text).values()), schema);
  } finally {
    document.dispose();
  }
}

function judge(read: XmlElement, schema: Schema): ParsedXml {
  const { root, violations } = arrange(read, schema.grammar);
  if (root.name !== schema.grammar.name) return { wellFormed: true, root, violations };
  const validator = violations.length === 0 ? schema.validator : schema.valueValidator;
  const values = new JudgedValues(schema.grammar);
  for (const piece of pieces(root, values)) {
    if (violations.length > mostProblems) break;
    const found = validate(piece, validator);
    for (const violation of found) violations.push(violation);
    if (found.length === 0) values.add(piece);
  }
  return { wellFormed: true, root, violations };
}

/**
 * The line of every start tag, in document order; libxml2 itself counts to 65535 only. In a well-formed document without a
 * DOCTYPE every `<` begins a tag, a comment, a CDATA section or a processing instruction (XML 1.0, 2.4).
 */
function startTagLines(text: string): readonly number[] {
  const lines: number[] = [];
  let line = 1;
  let nextBreak = text.indexOf("\n");
  for (const { 0: found, index } of text.matchAll(/<!--[^]*?-->|<!\[CDATA\[[^]*?\]\]>|<\?[^]*?\?>|<[^/!?]/g)) {
    for (; nextBreak !== -1 && nextBreak < index; nextBreak = text.indexOf("\n", nextBreak + 1)) line += 1;
    if (found.length === 2) lines.push(line);
  }
  return lines;
}

// Not by way of `firstChild` and `next`: the wrapper knows no processing instructions and loses what comes after one.
const childElements = XmlXPath.compile("*");

/** Shared: a large file has hundreds of thousands of elements. */
const none: ReadonlyMap<string, string> = new Map();

const ownTexts = XmlXPath.compile("text()[normalize-space()]");

function copyElement(element: LibXmlElement, lines: Iterator<number>, homeNamespace = ""): XmlElement {
  const line = lines.next().value ?? element.line;
  const children: XmlElement[] = [];
  for (const node of element.find(childElements)) {
    if (node instanceof LibXmlElement) children.push(copyElement(node, lines, homeNamespace));
  }
  const { attrs } = element;
  const attributes =
    attrs.length === 0 ? none : new Map(attrs.map((attribute) => [fullName(attribute, ""), attribute.value]));
  const text = children.length === 0 ? element.content : "";
  const hasOwnText = children.length === 0 ? text.trim() !== "" : element.find(ownTexts).length > 0;
  return { name: fullName(element, homeNamespace), line, text, children, attributes, hasOwnText };
}

function fullName(node: { readonly name: string; readonly namespaceUri: string }, homeNamespace: string): string {
  return node.namespaceUri === homeNamespace ? node.name : `{${node.namespaceUri}}${node.name}`;
}

/** Elements of one list that are validated together. */
const mostAtOnce = 500;

/**
 * The same tree in pieces: each server alone, and of a long list of it so many elements at a time. libxml2 counts the elements before each one
 * that is wrong, and a thousand wrong ones in a list of 30,000 would take it a minute. What stands beside a long list comes several times.
 * Of a long list what has only values that were found right before is left out: its structure is right already (arrange.ts).
 */
function* pieces(root: XmlElement, values: JudgedValues): Iterable<XmlElement> {
  if (root.children.length === 0) yield root;
  for (const part of root.children) {
    const long = part.children.find(({ children }) => children.length > mostAtOnce);
    if (long === undefined) yield { ...root, children: [part] };
    else
      for (let at = 0; at < long.children.length; at += mostAtOnce) {
        const next = long.children.slice(at, at + mostAtOnce);
        const doubtful = next.filter((element) => !values.areRight(element));
        if (doubtful.length === 0 && at > 0) continue;
        const some = { ...long, children: doubtful.length === 0 ? next.slice(0, 1) : doubtful };
        const children = part.children.map((child) => (child === long ? some : child));
        yield { ...root, children: [{ ...part, children }] };
      }
  }
}

function validate(root: XmlElement, validator: XsdValidator): readonly Violation[] {
  const document = XmlDocument.fromString(xmlOf(root), { option: options });
  try {
    validator.validate(document);
    return [];
  } catch (error) {
    if (!(error instanceof XmlValidateError)) throw error;
    return error.details.map((detail) => {
      const element = elementAt(root, detail.xpath ?? "");
      return { line: element?.line ?? Math.max(detail.line, 1), message: detail.message.trim(), element };
    });
  } finally {
    document.dispose();
  }
}

function xmlOf({ name, text, children }: XmlElement): string {
  const content = children.length > 0 ? children.map(xmlOf).join("") : text.replaceAll(/[&<>\r]/g, escapeCharacter);
  return `<${name}>${content}</${name}>`;
}

function escapeCharacter(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}

/** libxml2 leaves the number out where a name has no equal beside it: `/a/b[2]/c`. */
function elementAt(root: XmlElement, path: string): XmlElement | undefined {
  const steps = path.matchAll(/\/([^/[]+)(?:\[(\d+)\])?/g);
  if (steps.next().done === true) return undefined;
  let element: XmlElement | undefined = root;
  for (const [, name, number = "1"] of steps)
    element = element && lastingChildren(element).filter((child) => child.name === name)[Number(number) - 1];
  return element;
}
