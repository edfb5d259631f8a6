// Text that is safe for a terminal. Names, values, file names and messages come from files and servers: nothing in them may steer a
// terminal, turn the direction of a line, hide from the eye, or begin a line of its own.
//
// Promises: what a terminal could obey, or nobody could see, is shown as JSON escapes it (`\u009b`). So a text that is JSON stays the same JSON.

/** Controls (C0, DEL, C1), directions and other formats, lone surrogates, line separators, and characters that show nothing. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const escape = String.fromCharCode(0x1b);

/** Several lines of our own: line feeds stay. */
export function terminalText(text: string): string {
  return text.replaceAll(unsafe, (character) => (character === "\n" ? character : escaped(character)));
}

/** A text that somebody else wrote, for a place within a line. */
export function terminalLine(text: string): string {
  return text.replaceAll(unsafe, escaped);
}

/** Lines that are JSON but for the colours which we gave them: escape characters stay, too, since JSON has none. */
export function colouredText(text: string): string {
  return text.replaceAll(unsafe, (character) =>
    character === "\n" || character === escape ? character : escaped(character),
  );
}

/** In code units, as JSON counts them. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`,
  ).join("");
}
