// Reads the child elements of an element by name, as text and numbers.
//
// Promises: a text that the grammar found wrong reads as absent, so that nobody complains about it a second time; what is
// absent reads as undefined and never stops the reading.

import type { Location } from "./configuration.ts";
import type { XmlElement } from "./parse-xml.ts";
import { controlCharacterIn, quote } from "./problem.ts";
import type { Findings } from "./problem.ts";

export interface FieldsContext {
  /** Elements that break the grammar. */
  readonly invalid: ReadonlySet<XmlElement>;
  readonly findings: Findings;
}

export class Fields {
  readonly element: XmlElement;
  readonly findings: Findings;
  readonly #context: FieldsContext;

  constructor(element: XmlElement, context: FieldsContext) {
    this.element = element;
    this.findings = context.findings;
    this.#context = context;
  }

  /** Line of the child, or of the element itself when there is no such child. */
  lineOf(name: string): number {
    return this.#child(name)?.line ?? this.element.line;
  }

  placeOf(name: string): Location {
    return { file: this.findings.file, line: this.lineOf(name) };
  }

  has(name: string): boolean {
    return this.#child(name) !== undefined;
  }

  /** It is there, and breaks the grammar. */
  isInvalid(name: string): boolean {
    return !this.has(name) && this.element.children.some((child) => child.name === name);
  }

  /** The child elements of that name in order, each with its own fields. */
  list(name: string): readonly Fields[] {
    return this.element.children
      .filter((child) => child.name === name)
      .map((child) => new Fields(child, this.#context));
  }

  child(name: string): Fields | undefined {
    const child = this.#child(name);
    return child && new Fields(child, this.#context);
  }

  /** The text as written, white space included. */
  text(name: string): string | undefined {
    return this.#child(name)?.text;
  }

  /** Searched each time: the elements of a hundred thousand points are few in each, and an index of them takes more memory than they do. */
  #child(name: string): XmlElement | undefined {
    const { invalid } = this.#context;
    return this.element.children.find(
      (child) => child.name === name && !(child.children.length === 0 && invalid.has(child)),
    );
  }

  /** The text with white space collapsed, as XSD does with xs:token. */
  token(name: string): string | undefined {
    return this.text(name)?.replaceAll(/\s+/g, " ").trim();
  }

  /** The text that becomes a key or is shown to people: as written, because consumers know it so, but on one line. */
  name(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const control = controlCharacterIn(text);
    if (control !== undefined) {
      const message = `<${name}> is ${quote(text)}: ${control}; remove it, or write a space for it`;
      this.findings.error(this.lineOf(name), message);
      return undefined;
    }
    if (text !== text.trim()) {
      this.findings.warn(
        this.lineOf(name),
        `<${name}> is ${quote(text)}: the spaces at its start or end stay part of it; remove them unless they are meant`,
      );
    }
    return text;
  }

  /** A number whose form and range the grammar has checked. */
  number(name: string): number | undefined {
    const token = this.token(name);
    return token === undefined ? undefined : Number(token);
  }

  /** A duration written in seconds, as milliseconds with microsecond resolution. */
  milliseconds(name: string): number | undefined {
    const seconds = this.number(name);
    return seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1e3;
  }
}
