// The leaves of a document, which hold nothing but text, as rows of numbers. A hundred thousand points have a million of them: as objects they
// would take four times the memory of their file.
//
// Promises: `children` are equal each time, and made anew unless the same element was asked last. They are the same ones for good after
// `lastingChildren`. Does not judge: what is added here is well-formed.

import type { XmlElement } from "./parse-xml.ts";

/** Shared: no element here has an attribute. */
export const noAttributes: ReadonlyMap<string, string> = new Map();
const noChildren: readonly XmlElement[] = [];

type Head = Pick<XmlElement, "name" | "line">;

/** Name, line, where its text begins and ends. */
const wordsPerLeaf = 4;

export class PackedLeaves {
  readonly #text: string;
  readonly #contentOf: (written: string) => string;
  /** Each once, however many elements have it. */
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();
  #rows = new Uint32Array(1024 * wordsPerLeaf);
  #count = 0;
  #last: LeafParent | undefined;
  #childrenOfLast = noChildren;

  /** `contentOf`: what a text means as it is written. */
  constructor(text: string, contentOf: (written: string) => string) {
    this.#text = text;
    this.#contentOf = contentOf;
  }

  get count(): number {
    return this.#count;
  }

  add({ name, line }: Head, from: number, to: number): void {
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      this.#numbers.set(name, number);
    }
    const at = this.#count * wordsPerLeaf;
    if (at === this.#rows.length) {
      const longer = new Uint32Array(2 * at);
      longer.set(this.#rows);
      this.#rows = longer;
    }
    this.#rows[at] = number;
    this.#rows[at + 1] = line;
    this.#rows[at + 2] = from;
    this.#rows[at + 3] = to;
    this.#count += 1;
  }

  /** The leaves from `first` on, which are here no more. */
  takeFrom(first: number): XmlElement[] {
    const taken = this.#elements(first, this.#count - first);
    this.#count = first;
    return taken;
  }

  childrenOf(parent: LeafParent, first: number, count: number): readonly XmlElement[] {
    if (this.#last !== parent) {
      this.#childrenOfLast = this.#elements(first, count);
      this.#last = parent;
    }
    return this.#childrenOfLast;
  }

  #elements(first: number, count: number): XmlElement[] {
    const elements: XmlElement[] = [];
    for (let at = first * wordsPerLeaf; at < (first + count) * wordsPerLeaf; at += wordsPerLeaf) {
      const name = this.#names[this.#rows[at] ?? 0] ?? "";
      const written = this.#text.slice(this.#rows[at + 2], this.#rows[at + 3]);
      elements.push(leafElement({ name, line: this.#rows[at + 1] ?? 0 }, this.#contentOf(written)));
    }
    return elements;
  }
}

export function leafElement({ name, line }: Head, text: string): XmlElement {
  return { name, line, text, children: noChildren, attributes: noAttributes, hasOwnText: text.trim() !== "" };
}

/** An element whose children are leaves. */
export class LeafParent implements XmlElement {
  readonly name: string;
  readonly line: number;
  readonly text = "";
  readonly attributes = noAttributes;
  readonly hasOwnText: boolean;
  readonly #leaves: PackedLeaves;
  readonly #first: number;
  readonly #count: number;
  #lasting: readonly XmlElement[] | undefined;

  /** Its children are those from `first` on, up to the one that was added last. */
  constructor({ name, line, hasOwnText }: Head & Pick<XmlElement, "hasOwnText">, leaves: PackedLeaves, first: number) {
    this.name = name;
    this.line = line;
    this.hasOwnText = hasOwnText;
    this.#leaves = leaves;
    this.#first = first;
    this.#count = leaves.count - first;
  }

  get children(): readonly XmlElement[] {
    return this.#lasting ?? this.#leaves.childrenOf(this, this.#first, this.#count);
  }

  keepChildren(): void {
    this.#lasting = this.children;
  }
}

/** The same objects from now on, so that something can be said of one of them. */
export function lastingChildren(element: XmlElement): readonly XmlElement[] {
  if (element instanceof LeafParent) element.keepChildren();
  return element.children;
}
