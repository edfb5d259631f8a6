// What a grammar file (XSD 1.0) says about each element, as plain data: which elements it may hold in which order, or which words and
// numbers may stand in it.
//
// Promises: understands the part of XSD that the grammars are written in: sequence, choice, all, groups, named and unnamed types.
// Ranges, lengths and patterns are left to the validator.

import type { XmlElement } from "./parse-xml.ts";
import { fold, type OtherNames } from "./words.ts";

export interface ElementGrammar {
  readonly name: string;
  /** It may stand more than once in its parent. */
  readonly repeats: boolean;
  /** Undefined: it holds elements. */
  readonly value: ValueGrammar | undefined;
  /** The places for its children, in order. */
  readonly slots: readonly Slot[];
  /** What may stand in the slots, in order. */
  readonly places: readonly Place[];
  /** Number of the slots that must not be empty. */
  readonly requiredSlots: number;
  /** Everything that may stand in a slot, by its name, and by its name folded. */
  readonly children: ReadonlyMap<string, ElementGrammar>;
}

export interface ValueGrammar {
  readonly typeName: string;
  /** Continues the sentence "it must be ...", as the documentation of the type says. */
  readonly allowed: string | undefined;
  /** The closed set of words; empty when the text is free. */
  readonly words: readonly string[];
  /** What other people write for them. */
  readonly otherNames: OtherNames;
  readonly isWholeNumber: boolean;
  /** Every text is right that has more than white space. */
  readonly isAnyText: boolean;
}

export interface Slot {
  readonly elements: readonly ElementGrammar[];
  readonly isRequired: boolean;
  /** Only one of the elements may stand there. */
  readonly isAlternative: boolean;
}

export interface Place {
  readonly element: ElementGrammar;
  readonly slot: Slot;
}

/** By the name of a type in the grammar file. */
export type OtherNamesOfTypes = Readonly<Record<string, OtherNames>>;

/** `schema` is the root element of a grammar file; the grammar of the first global element comes back. */
export function readGrammar(schema: XmlElement, otherNames: OtherNamesOfTypes): ElementGrammar {
  return new GrammarReader(schema, otherNames).root();
}

class GrammarReader {
  readonly #schema: XmlElement;
  readonly #otherNames: OtherNamesOfTypes;

  constructor(schema: XmlElement, otherNames: OtherNamesOfTypes) {
    this.#schema = schema;
    this.#otherNames = otherNames;
  }

  root(): ElementGrammar {
    const element = first(this.#schema, "element");
    if (element === undefined) throw new TypeError("a grammar without an element");
    return this.#element(element);
  }

  #global(kind: string, name: string | undefined): XmlElement | undefined {
    return this.#schema.children.find((child) => child.name === kind && child.attributes.get("name") === name);
  }

  #element(element: XmlElement): ElementGrammar {
    const type = element.attributes.get("type");
    const complex = first(element, "complexType") ?? this.#global("complexType", type);
    const slots = complex === undefined ? [] : complex.children.flatMap((child) => this.#slots(child, true));
    const places = slots.flatMap((slot) => slot.elements.map((own) => ({ element: own, slot })));
    const children = places.map((place) => place.element);
    return {
      name: element.attributes.get("name") ?? "",
      repeats: isUnbounded(element),
      value: complex === undefined ? this.#value(type ?? "") : undefined,
      slots,
      places,
      requiredSlots: slots.filter((slot) => slot.isRequired).length,
      children: new Map(children.flatMap((child) => [child.name, fold(child.name)].map((name) => [name, child]))),
    };
  }

  #slots(particle: XmlElement, isRequired: boolean): readonly Slot[] {
    const needed = isRequired && particle.attributes.get("minOccurs") !== "0";
    switch (particle.name) {
      case "element":
        return [{ elements: [this.#element(particle)], isRequired: needed, isAlternative: false }];
      case "group": {
        const parts = this.#global("group", particle.attributes.get("ref"))?.children ?? [];
        const slots = parts.flatMap((part) => this.#slots(part, needed));
        // A group that repeats gives its elements in any order.
        return isUnbounded(particle) ? merged(slots, needed, false) : slots;
      }
      case "choice": {
        const slots = particle.children.flatMap((part) => this.#slots(part, needed));
        return merged(slots, needed, !isUnbounded(particle));
      }
      case "sequence":
      case "all":
        return particle.children.flatMap((part) => this.#slots(part, needed));
      default:
        return [];
    }
  }

  #value(typeName: string): ValueGrammar {
    const type = this.#global("simpleType", typeName);
    const restriction = type && first(type, "restriction");
    const base = restriction?.attributes.get("base") ?? typeName;
    const listed = (restriction?.children ?? []).filter(({ name }) => name === "enumeration");
    const words = listed.map(({ attributes }) => attributes.get("value") ?? "");
    const annotation = type && first(type, "annotation");
    return {
      typeName,
      allowed: annotation && first(annotation, "documentation")?.text.trim(),
      words: base === "xs:boolean" ? ["true", "false"] : words,
      otherNames: this.#otherNames[typeName] ?? {},
      isWholeNumber: base === "xs:integer",
      isAnyText: isTextBase(base) && (restriction?.children ?? []).every(isOnlyNotEmpty),
    };
  }
}

function merged(slots: readonly Slot[], isRequired: boolean, isAlternative: boolean): readonly Slot[] {
  return [{ elements: slots.flatMap(({ elements }) => elements), isRequired, isAlternative }];
}

function isTextBase(base: string): boolean {
  return base === "xs:string" || base === "xs:token" || base === "xs:normalizedString";
}

function isOnlyNotEmpty({ name, attributes }: XmlElement): boolean {
  return (
    name === "annotation" || name === "whiteSpace" || (name === "minLength" && Number(attributes.get("value")) <= 1)
  );
}

function isUnbounded({ attributes }: XmlElement): boolean {
  return (attributes.get("maxOccurs") ?? "1") !== "1";
}

function first(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((child) => child.name === name);
}
