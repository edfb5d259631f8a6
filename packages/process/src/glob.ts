// Patterns that people write for names.

/** `*` stands for any text, `?` for one character; upper and lower case are alike. */
export function patternOf(glob: string): RegExp {
  const parts = Array.from(glob.replaceAll(/\*+/g, "*"), (character) =>
    character === "*" ? ".*" : character === "?" ? "." : character.replace(/[\\^$.+()[\]{}|/]/, String.raw`\$&`),
  );
  return new RegExp(`^${parts.join("")}$`, "isu");
}
