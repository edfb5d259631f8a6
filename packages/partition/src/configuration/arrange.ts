// Brings a document into the shape of its grammar as far as its meaning is clear, and finds every place where it is not.
//
// Promises: children stand in the order of the grammar, under its spelling of their names; words and whole numbers are in its
// spelling, too. What cannot be placed is reported and left out, so that it hides nothing that comes after it. Pure. Does not promise
// more reports than anybody reads: what is wrong everywhere must not cost time and memory everywhere.

import type { ElementGrammar, Place, Slot, ValueGrammar } from "./grammar.ts";
import type { Violation, XmlElement } from "./parse-xml.ts";
import { mostProblems, quote } from "./problem.ts";
import { decimalOf, didYouMean, fold, recognise } from "./words.ts";

export interface Arranged {
  readonly root: XmlElement;
  readonly violations: Violation[];
}

/** Attributes that tell an editor where the grammar is (XML Schema 1.0, 2.6.3). */
const forEditors = new Set(
  ["schemaLocation", "noNamespaceSchemaLocation"].map((name) => `{http://www.w3.org/2001/XMLSchema-instance}${name}`),
);

export function arrange(root: XmlElement, grammar: ElementGrammar): Arranged {
  const violations: Violation[] = [];
  if (fold(root.name) !== fold(grammar.name) || root.name.startsWith("{")) {
    const message = `the outermost element is <${shown(root.name)}>; it must be <${grammar.name}>, without a namespace (xmlns)`;
    return { root, violations: [{ line: root.line, message, element: root }] };
  }
  const arranger = new Arranger(grammar, violations);
  return { root: arranger.element(renamed(root, grammar.name), grammar) ?? root, violations };
}

class Arranger {
  readonly #root: ElementGrammar;
  readonly #violations: Violation[];

  constructor(root: ElementGrammar, violations: Violation[]) {
    this.#root = root;
    this.#violations = violations;
  }

  /** Undefined when nothing can be read from it. */
  element(element: XmlElement, grammar: ElementGrammar): XmlElement | undefined {
    this.#checkAttributes(element);
    return grammar.value === undefined ? this.#parent(element, grammar) : this.#leaf(element, grammar.value);
  }

  #leaf(element: XmlElement, value: ValueGrammar): XmlElement | undefined {
    if (element.children.length > 0) {
      const inner = shown(element.children[0]?.name ?? "");
      this.#report(
        element,
        `<${element.name}> holds another element, <${inner}>; only text may stand in it: is </${element.name}> missing or misplaced?`,
      );
      return undefined;
    }
    if (value.words.length === 0 && !value.isWholeNumber) return element;
    if (value.isWholeNumber) {
      const text = decimalOf(element.text);
      return text === element.text ? element : { ...element, text };
    }
    if (value.words.includes(element.text)) return element;
    const recognised = recognise(element.text, value.words, value.otherNames);
    return "word" in recognised ? { ...element, text: recognised.word } : element;
  }

  #parent(element: XmlElement, grammar: ElementGrammar): XmlElement {
    if (isArranged(element, grammar)) return this.#inOrder(element, grammar);
    if (element.hasOwnText) {
      this.#report(
        element,
        `there is text between the elements of <${element.name}>; remove it: only elements are allowed there`,
      );
    }
    const placed = new Map<ElementGrammar, XmlElement[]>();
    const named = new Set<string>();
    for (const child of element.children) {
      const own = childGrammar(grammar, child.name);
      if (own === undefined) {
        if (this.#isFull) continue;
        const candidates = nearNames(grammar, child.name);
        for (const name of candidates) named.add(name);
        this.#report(child, this.#unknown(child, grammar, candidates));
        continue;
      }
      const others = placed.get(own) ?? [];
      placed.set(own, others);
      if (others[0] !== undefined && !own.repeats) {
        const message = `<${own.name}> appears twice (first in line ${others[0].line}); remove one of the two`;
        this.#report(child, message);
      } else {
        const read = this.element(renamed(child, own.name), own);
        if (read === undefined) named.add(own.name);
        else others.push(read);
      }
    }
    const children = grammar.slots.flatMap((slot) => this.#fill(slot, element, placed, named));
    return { ...element, text: "", children };
  }

  /** The same element where nothing in it changes: a large file has a hundred thousand such, and one tree of them is enough. */
  #inOrder(element: XmlElement, grammar: ElementGrammar): XmlElement {
    let isSame = true;
    const children = element.children.flatMap((child) => {
      const own = grammar.children.get(child.name);
      const read = own && this.element(child, own);
      isSame &&= read === child;
      return read ?? [];
    });
    return isSame ? element : { ...element, children };
  }

  /** The children for a place of the grammar, in the order of the file. Nobody misses what a message has `named` already. */
  #fill(
    slot: Slot,
    parent: XmlElement,
    placed: ReadonlyMap<ElementGrammar, readonly XmlElement[]>,
    named: ReadonlySet<string>,
  ): readonly XmlElement[] {
    const found = slot.elements.flatMap((own) => placed.get(own) ?? []);
    if (found.length === 0 && slot.isRequired && !slot.elements.some(({ name }) => named.has(name))) {
      const names = slot.elements.map(({ name }) => name);
      const elements = names.map((name) => `<${name}>`).join(" or ");
      this.#report(parent, `<${parent.name}> has no ${elements}; add it`);
    }
    const [first, second] = found;
    if (slot.isAlternative && first !== undefined && second !== undefined) {
      this.#report(
        second,
        `<${second.name}> is set together with <${first.name}> (line ${first.line}); remove one of the two`,
      );
      return [first];
    }
    return found;
  }

  #unknown(child: XmlElement, parent: ElementGrammar, candidates: readonly string[]): string {
    const name = shown(child.name);
    const what = `<${name}> is not an element of <${parent.name}>`;
    const home = homeOf(this.#root, child.name);
    if (home !== undefined) return `${what}; it belongs in <${home}>`;
    if (candidates.length > 0) return `${what}${didYouMean(candidates.map((candidate) => `<${candidate}>`))}`;
    const known = namesIn(parent).map((one) => `<${one}>`);
    return `${what}; remove it, or use one of ${known.join(", ")}`;
  }

  #checkAttributes(element: XmlElement): void {
    if (element.attributes.size === 0) return;
    const attribute = [...element.attributes.keys()].find((name) => !forEditors.has(name));
    if (attribute === undefined) return;
    this.#report(
      element,
      `<${element.name}> has an attribute ${shown(attribute)}; elements of this file have none: write the value between the tags`,
    );
  }

  /** One more than are shown, so that the last one says that there are more. */
  get #isFull(): boolean {
    return this.#violations.length > mostProblems;
  }

  #report(element: XmlElement, message: string): void {
    if (!this.#isFull) this.#violations.push({ line: element.line, message, element });
  }
}

function renamed(element: XmlElement, name: string): XmlElement {
  return element.name === name ? element : { ...element, name, children: element.children };
}

/** Every child stands where the grammar has it, under its name there, and none is missing. */
function isArranged(
  { hasOwnText, text, children }: XmlElement,
  { places, requiredSlots, children: known }: ElementGrammar,
): boolean {
  if (hasOwnText || text !== "") return false;
  let at = 0;
  let last: Place | undefined;
  let required = 0;
  for (const { name } of children) {
    const own = known.get(name);
    if (own?.name !== name) return false;
    while (at < places.length && places[at]?.element !== own) at++;
    const place = places[at];
    if (place === undefined) return false;
    if (place === last && !own.repeats) return false;
    const isFirstOfSlot = place.slot !== last?.slot;
    if (!isFirstOfSlot && place.slot.isAlternative) return false;
    if (isFirstOfSlot && place.slot.isRequired) required++;
    last = place;
  }
  return required === requiredSlots;
}

function childGrammar(grammar: ElementGrammar, name: string): ElementGrammar | undefined {
  if (name.startsWith("{")) return undefined;
  return grammar.children.get(name) ?? grammar.children.get(fold(name));
}

function nearNames(grammar: ElementGrammar, name: string): readonly string[] {
  const recognised = name.startsWith("{") ? undefined : recognise(name, namesIn(grammar));
  return recognised !== undefined && "candidates" in recognised ? recognised.candidates : [];
}

function namesIn(grammar: ElementGrammar): readonly string[] {
  return grammar.slots.flatMap(({ elements }) => elements.map(({ name }) => name));
}

/** The element that may hold an element of that name. */
function homeOf(grammar: ElementGrammar, name: string): string | undefined {
  if (childGrammar(grammar, name) !== undefined) return grammar.name;
  return [...grammar.children.values()].map((element) => homeOf(element, name)).find((home) => home !== undefined);
}

function shown(name: string): string {
  return quote(name).slice(1, -1);
}
