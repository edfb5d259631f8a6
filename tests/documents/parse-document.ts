// The document as Python's json reads it, which knows three words that JSON.parse does not: they become the numbers.

const wordOrText = /"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g;

/** In front of a word, where a text of its own cannot have it. */
const mark = "\ue000number ";

export function parseDocument(text: string): unknown {
  const marked = text.replaceAll(wordOrText, (part) => (part.startsWith('"') ? part : `"${mark}${part}"`));
  return JSON.parse(marked, (_, value: unknown) =>
    typeof value === "string" && value.startsWith(mark) ? Number(value.slice(mark.length)) : value,
  );
}
