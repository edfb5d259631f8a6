// The texts of an enumeration as they stand in the directory of an image: a line for each value, "0=Stopped\n1=Running". One text for all points of
// the same enumeration. Pure.

import type { Value } from "./value.ts";

/** A server decides what it sends; nobody reads more. */
const mostMembers = 1000;
const longestText = 200;

/** "" for none. Of two texts for one value the first counts. */
export function enumerationText(members: Iterable<readonly [value: number | bigint, text: string]>): string {
  const texts = new Map<string, string>();
  for (const [value, text] of members) {
    const line = text.replaceAll(/\p{Cc}+/gu, " ").trim();
    if (line !== "" && texts.size < mostMembers && !texts.has(String(value)))
      texts.set(String(value), Array.from(line).slice(0, longestText).join(""));
  }
  return Array.from(texts, ([value, text]) => `${value}=${text}`).join("\n");
}

/** The text of a value; undefined when the enumeration has none for it, or it is no whole number. False is 0, true is 1. */
export function enumeratedText(enumeration: string | undefined, { value: content }: Value): string | undefined {
  if (enumeration === undefined || enumeration === "") return undefined;
  const value = typeof content === "boolean" ? Number(content) : content;
  if (typeof value !== "bigint" && !(typeof value === "number" && Number.isInteger(value))) return undefined;
  const lines = `\n${enumeration}\n`;
  const found = `\n${value}=`;
  const at = lines.indexOf(found);
  return at < 0 ? undefined : lines.slice(at + found.length, lines.indexOf("\n", at + 1));
}
