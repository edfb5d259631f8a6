// Warns of names that look the same and are not: an umlaut in one piece or in two, a letter of another alphabet, characters that nobody sees.
//
// Such names are different names, with keys of their own: what a file says is never changed, and consumers compare bytes. But whoever reads
// the table or types the key cannot tell them apart, so the later one draws a warning with the first character that differs. Letters and
// digits that merely resemble each other within one alphabet (l and 1, O and 0) draw none.

import type { Location } from "./configuration.ts";
import type { Fields } from "./fields.ts";
import { lineIn, quote } from "./problem.ts";

// Letters with the shape of a Latin one, from the confusables of Unicode Technical Standard 39.
const alphabets = [
  { foreign: "АВЕІЈКМНОРСТУХЅаеіјорсухѕԛԝһ", latin: "ABEIJKMHOPCTYXSaeijopcyxsqwh" }, // Cyrillic
  { foreign: "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυ", latin: "ABEZHIKMNOPTYXavopu" }, // Greek
];

const latinOf: ReadonlyMap<string, string> = new Map(
  alphabets.flatMap(({ foreign, latin }) =>
    Array.from(foreign, (letter, index): [string, string] => [letter, latin.charAt(index)]),
  ),
);

// Letters, digits and signs of ASCII look like nothing else.
const plain = /^(?!.* {2})[\x20-\x7e]*$/;

/** Equal for texts that look the same. */
function appearance(text: string): string {
  if (plain.test(text)) return text;
  const visible = text.normalize("NFC").replaceAll(/\p{Default_Ignorable_Code_Point}/gu, "");
  return Array.from(visible.replaceAll(/\p{Zs}+/gu, " "), (letter) => latinOf.get(letter) ?? letter).join("");
}

/** `owners` have the element whose text is a name, and have to differ in it. */
export function warnOfLookAlikes(owners: readonly Fields[], element: string): void {
  const firsts = new Map<string, { readonly name: string; readonly place: Location }>();
  for (const owner of owners) {
    const name = owner.text(element);
    if (name === undefined) continue;
    const place = owner.placeOf(element);
    const looks = appearance(name);
    const first = firsts.get(looks);
    if (first === undefined) firsts.set(looks, { name, place });
    else if (first.name !== name) {
      owner.findings.warn(
        place.line,
        `<${element}> ${quote(name)} looks like the one in ${lineIn(first.place, place.file)} but is another name: ${difference(name, first.name)}; ` +
          "both are read; choose names that look different",
      );
    }
  }
}

function difference(name: string, first: string): string {
  const own = Array.from(name);
  const others = Array.from(first);
  const at = own.findIndex((character, index) => character !== others[index]);
  const place = at === -1 ? own.length : at;
  return `character ${place + 1} is ${codePoint(own[place])} here and ${codePoint(others[place])} there`;
}

function codePoint(character: string | undefined): string {
  const code = character?.codePointAt(0);
  return code === undefined ? "none" : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
