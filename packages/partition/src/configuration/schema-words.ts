// Says in plain words which value breaks the grammar, and what would be right. libxml2 reports violations as sentences only,
// without a code, so its sentences are recognised here; what is not recognised is passed on as it is. Nothing but wording depends on it.

import type { ElementGrammar } from "./grammar.ts";
import type { Violation, XmlElement } from "./parse-xml.ts";
import { quote } from "./problem.ts";
import { didYouMean, recognise } from "./words.ts";

export function describeViolation({ message, element }: Violation, grammar: ElementGrammar): string {
  const isValue = message.includes("is not a valid value of") || message.includes("[facet ");
  const value = element && isValue ? valueGrammar(grammar, element.name) : undefined;
  if (element === undefined || value?.allowed === undefined) return message;
  const described = `${describeBadValue(element, value.allowed)}${didYouMean(withPoint(element.text, value.allowed))}`;
  if (value.words.length === 0) return described;
  const recognised = recognise(element.text, value.words, value.otherNames);
  return "word" in recognised ? described : `${described}${didYouMean(recognised.candidates)}`;
}

/** A number with a comma: a decimal point, or one between thousands. */
function withPoint(text: string, allowed: string): readonly string[] {
  const [, sign = "", whole, decimals = ""] = /^\s*([+-]?)(\d+),(\d+)\s*$/.exec(text) ?? [];
  if (whole === undefined || !allowed.includes("decimal point")) return [];
  const fraction = `${sign}${whole}.${decimals}`;
  return decimals.length === 3 ? [fraction, `${sign}${whole}${decimals}`] : [fraction];
}

function valueGrammar(grammar: ElementGrammar, name: string): ElementGrammar["value"] {
  const own = grammar.children.get(name)?.value;
  if (own !== undefined) return own;
  return [...grammar.children.values()].map((child) => valueGrammar(child, name)).find((value) => value !== undefined);
}

/** `allowed` continues the sentence "it must be ...". */
export function describeBadValue(element: Pick<XmlElement, "name" | "text">, allowed: string): string {
  return `<${element.name}> is ${quoteValue(element.text)}; it must be ${allowed}`;
}

/** A URL can carry a user's password in front of its host; that is nothing for a log. */
export function quoteValue(value: string): string {
  const text = value.trim().replace(/(:\/\/)[^/\s]*@/, "$1…@");
  return text === "" ? "empty" : quote(text);
}
