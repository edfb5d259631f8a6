// Says in plain words why a text is no XML document, and what to write instead. libxml2 reports sentences for programmers, without a code,
// so its sentences are recognised here; what is not recognised is passed on. Nothing but wording depends on it.

import { quote } from "./problem.ts";

export interface MalformedPlace {
  readonly line: number;
  readonly message: string;
}

interface Context {
  /** The line of the mistake. */
  readonly line: string;
  readonly document: string;
  readonly rootName: string;
}

const declaration = `the line <?xml ... ?> has a mistake; write <?xml version="1.0" encoding="UTF-8"?>`;
const attribute = "elements of this file have no attributes: write the value between the tags";

const mismatch = /^Opening and ending tag mismatch: (\S+) line (\d+) and (\S+)/;

/** Sentences of libxml2 and what they mean; undefined: another message on the same line says it better. */
const meanings: readonly (readonly [RegExp, (found: RegExpExecArray, context: Context) => string | undefined])[] = [
  [/^Start tag expected, '<' not found/, (_, context) => notXml(context)],
  [
    /^(?:xmlParseEntityRef: no name|EntityRef: expecting ';')/,
    (_, { line }) => `${ampersandIn(line)}; write &amp; for the character &`,
  ],
  [
    /^Entity '(.*)' not defined/,
    ([, name]) => `&${name}; is not known in XML; write the character itself, or &amp;${name}; for the text`,
  ],
  [
    mismatch,
    ([, open, line, close]) =>
      `</${close}> ends <${open}> of line ${line}; write </${open}>, or close <${open}> before`,
  ],
  [
    /^Premature end of data in tag (\S+) line (\d+)/,
    ([, name, line]) =>
      `the file ends before <${name}> of line ${line} is closed; add </${name}>, or get the whole file`,
  ],
  [
    /^Couldn't find end of Start Tag (\S+) line (\d+)/,
    ([, name, line]) => `the tag <${name} of line ${line} is not complete; it must be <${name}>`,
  ],
  [/^Specification mandates value for attribute (\S+)/, ([, name]) => `a tag holds ${quote(name ?? "")}; ${attribute}`],
  [
    /^(?:AttValue: |Unescaped '<' not allowed in attributes)/,
    () => `the value of an attribute is not in quotation marks; ${attribute}`,
  ],
  [/^Attribute (\S+) redefined/, ([, name]) => `the attribute ${quote(name ?? "")} stands twice; ${attribute}`],
  [/^(?:attributes construct error|error parsing attribute name)/, () => undefined],
  [/^StartTag: invalid element name/, () => "a < stands here that begins no element; write &lt; for the character <"],
  [/^expected '>'/, () => "a closing tag is not complete; it must be </name>"],
  [
    /^Extra content at the end of the document/,
    (_, { rootName }) =>
      `something follows after the last closing tag; a file holds one <${rootName}> and nothing after it`,
  ],
  [
    /^XML declaration allowed only at the start/,
    () => "the line <?xml ... ?> must be the first of the file; remove what stands before it, empty lines too",
  ],
  [/declaration|^Unsupported version|^Blank needed|^String not|^standalone accepts/, () => declaration],
  [
    /^(?:PCDATA invalid|Invalid character:|Invalid bytes|internal error: .*Char)\D*?(?:value|Char) (\d\w*)/,
    ([, code]) => `the file holds the control character ${codePoint(code)}, which XML does not allow; remove it`,
  ],
  [
    /^xmlParseCharRef: invalid xmlChar value (\d+)/,
    ([, code]) =>
      code === "0"
        ? brokenReference
        : `&#${code}; means the character ${codePoint(code)}, which XML does not allow; remove it`,
  ],
  [/^CharRef: invalid/, () => brokenReference],
  [
    /^(?:Namespace prefix (\S+) on|Failed to parse QName '([^':]*))/,
    ([, prefix, name]) =>
      `an element or attribute has the prefix ${quote(`${prefix ?? name ?? ""}:`)}; elements of this file have none: remove it`,
  ],
  [/^xmlns/, () => "an xmlns attribute is wrong; elements of this file have no namespace: remove it"],
  [/^Comment not terminated/, () => "a comment is not closed; write --> at its end"],
  [/hyphen/, () => "a comment holds two hyphens; write <!-- at its start, --> at its end and no -- between them"],
  [/^CData section not finished/, () => "a CDATA section is not closed; write ]]> at its end"],
  [/^Sequence ']]>' not allowed/, () => "]]> stands in a text; write ]]&gt;"],
  [
    /^(?:xmlParsePI|ParsePI)/,
    () => "<? begins something that is not closed by ?>; remove it, or write &lt;? for the characters",
  ],
  [/^Excessive depth/, () => "elements are nested more than 256 deep; check for missing closing tags"],
];

const brokenReference = "&# begins no character that XML knows; write for example &#228;, or the character itself";

/** Every mistake once for its line. `rootName` is the outermost element that the file should have. */
export function describeMalformed(
  places: readonly MalformedPlace[],
  document: string,
  rootName: string,
): readonly MalformedPlace[] {
  const lines = document.split("\n");
  const said = new Map<string, MalformedPlace>();
  for (const { line, message } of withoutConsequences(places)) {
    const context = { line: lines[line - 1] ?? "", document, rootName };
    const words = meaningOf(message, context);
    if (words !== undefined) said.set(`${line}:${words}`, { line, message: words });
  }
  return said.size > 0 ? [...said.values()] : places;
}

/** Where one closing tag is missing, every one after it ends the element within: only the first of these says something. */
function withoutConsequences(places: readonly MalformedPlace[]): readonly MalformedPlace[] {
  let before = { line: 0, close: "" };
  return places.filter(({ message }) => {
    const [, open, line, close = ""] = mismatch.exec(message) ?? [];
    if (open === undefined) return true;
    const isConsequence = open === before.close && Number(line) <= before.line;
    before = { line: Number(line), close };
    return !isConsequence;
  });
}

function meaningOf(message: string, context: Context): string | undefined {
  for (const [pattern, words] of meanings) {
    const found = pattern.exec(message);
    if (found) return words(found, context);
  }
  return `this is not well-formed XML: ${message}`;
}

// In CDATA sections and comments a & stands for itself; one that is not closed is looked through once, to the end.
const strayAmpersand =
  /<!--[^]*?(?:-->|$)|<!\[CDATA\[[^]*?(?:\]\]>|$)|&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-fA-F]+);)/g;

/** The same text, on the same lines, without the commonest mistake: so that the other ones can be looked for. */
export function withAmpersandsMended(document: string): string {
  return document.replaceAll(strayAmpersand, (found) => (found === "&" ? "&amp;" : found));
}

/** Without the text around it: that may be a password. */
function ampersandIn(line: string): string {
  const name = /<([^<>/\s]+)>[^<>]*&(?!(?:amp|lt|gt|quot|apos|#\w+);)/.exec(line)?.[1];
  return name === undefined ? "a & stands in a text" : `a & stands in the text of <${name}>`;
}

function codePoint(code = "0"): string {
  return `U+${Number(code).toString(16).toUpperCase().padStart(4, "0")}`;
}

/** What the file seems to be instead, by its first characters. */
function notXml({ document, rootName }: Context): string {
  const text = document.trim();
  const remedy = `use an XML file that begins with <${rootName}>`;
  if (text === "") return `the file holds nothing but white space; ${remedy}`;
  if (/^<(?:\?|!--)/.test(text)) return `the file holds no element; ${remedy}`;
  return `this is not XML but ${kindOf(text.split("\n", 1)[0] ?? "")}; ${remedy}`;
}

function kindOf(firstLine: string): string {
  if (firstLine.startsWith("-----BEGIN")) return "a certificate or key";
  if (/^[{[]/.test(firstLine)) return "JSON, it seems";
  if (/(?:[;,\t|].*){2}/.test(firstLine)) return "probably a table (CSV)";
  return "another kind of text";
}
