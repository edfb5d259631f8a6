// Says in plain words what a grammar violation means. libxml2 reports violations as sentences only, without a code, so its
// sentences are recognised here; what is not recognised is passed on as it is. Nothing but wording depends on it.

import type { Schema, Violation, XmlElement } from "./parse-xml.ts";
import { quote } from "./problem.ts";

export function describeViolation(violation: Violation, schema: Schema): string {
  const { message, element } = violation;
  const name = element?.name ?? /^Element '([^']*)'/.exec(message)?.[1] ?? "?";

  if (message.includes("No matching global declaration")) {
    return `the outermost element is <${shown(name)}>; it must be <${schema.rootName}>, without a namespace (xmlns)`;
  }
  const unexpected = /: This element is not expected\.(?: Expected is (?:one of )?\( (.+) \))?/.exec(message);
  if (unexpected) {
    const next = unexpected[1];
    if (next === undefined) return `<${name}> is not expected here; the element around it must end before it`;
    return `<${name}> is not expected here; ${choice(next)} must come first`;
  }
  const missing = /: Missing child element\(s\)\. Expected is (?:one of )?\( (.+) \)/.exec(message);
  if (missing) return `<${name}> ends too early; ${choice(missing[1] ?? "")} must still come`;

  const attribute = /: The attribute '([^']*)' is not allowed/.exec(message);
  if (attribute) return `<${name}> has an attribute ${shown(attribute[1] ?? "")}; the elements of this file have none`;
  if (message.includes("Character content other than whitespace")) {
    return `there is text between the elements of <${name}>; only elements may stand there`;
  }
  const isValue = message.includes("is not a valid value of") || message.includes("[facet ");
  if (message.includes("Element content is not allowed") || (isValue && (element?.children.length ?? 0) > 0)) {
    return `<${name}> holds another element; only text may stand in it`;
  }
  if (isValue) {
    const allowed = schema.allowed.get(name);
    if (element !== undefined && allowed !== undefined) return describeBadValue(element, allowed);
  }
  return message;
}

/** `allowed` continues the sentence "it must be ...". */
export function describeBadValue(element: Pick<XmlElement, "name" | "text">, allowed: string): string {
  // A URL can carry a user's password in front of its host; that is nothing for a log.
  const text = element.text.trim().replace(/(:\/\/)[^/\s]*@/, "$1…@");
  return `<${element.name}> is ${text === "" ? "empty" : quote(text)}; it must be ${allowed}`;
}

function choice(list: string): string {
  const names = list.split(", ").map((name) => `<${name}>`);
  if (names.length === 1) return names[0] ?? "";
  return `one of ${names.join(", ")}`;
}

function shown(name: string): string {
  return quote(name).slice(1, -1);
}
