// Texts of bounded length. Names and messages come from servers and files: nothing in them may cost a log record, or the memory of a process.

/** The text, or its beginning and how long it is; never half a character. */
export function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text
    .slice(0, longest)
    .toWellFormed()
    .replace(/\ufffd$/, "")}… (${text.length} characters)`;
}
