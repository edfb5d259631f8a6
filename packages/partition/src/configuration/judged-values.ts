// Which values of a document are right for certain, without asking the validator again: the same function, type and quantity stand in a
// hundred thousand endpoints.
//
// Promises: nothing is right here that the validator would refuse.

import type { ElementGrammar } from "./grammar.ts";
import type { XmlElement } from "./parse-xml.ts";

/** More than all addresses; a document with more different values is asked about again and again. */
const mostTexts = 100_000;

export class JudgedValues {
  /** By the name of the element: one name has one type in a grammar, or its values are never taken for right. */
  readonly #right = new Map<string, Set<string>>();
  readonly #anyText = new Set<string>();
  #size = 0;

  constructor(grammar: ElementGrammar) {
    const types = new Map<string, string>();
    const visit = ({ name, value, children }: ElementGrammar): void => {
      if (value !== undefined) {
        if (types.get(name) === undefined) {
          this.#right.set(name, new Set());
          if (value.isAnyText) this.#anyText.add(name);
        } else if (types.get(name) !== value.typeName) {
          this.#right.delete(name);
          this.#anyText.delete(name);
        }
        types.set(name, types.get(name) ?? value.typeName);
      }
      for (const child of new Set(children.values())) visit(child);
    };
    visit(grammar);
  }

  areRight({ name, text, children }: XmlElement): boolean {
    if (children.length > 0) return children.every((child) => this.areRight(child));
    return (this.#anyText.has(name) && text.trim() !== "") || this.#right.get(name)?.has(text) === true;
  }

  /** Everything in it was found right. */
  add({ name, text, children }: XmlElement): void {
    for (const child of children) this.add(child);
    const known = this.#right.get(name);
    if (children.length > 0 || known === undefined || (this.#anyText.has(name) && text.trim() !== "")) return;
    if (this.#size >= mostTexts || known.has(text)) return;
    known.add(text);
    this.#size += 1;
  }
}
