// Texts that others wrote, quoted in our messages.

import { terminalLine } from "./terminal-text.ts";

const longestQuote = 80;
const longestPath = 400;
/** More than the longest name of a file. */
const pathEnd = 260;

/** A text from a file, fit for a message: in quotes, of bounded length, with nothing in it that a terminal obeys. */
export function quote(text: string): string {
  return `"${terminalLine(text.slice(0, longestQuote))}${text.length > longestQuote ? "…" : ""}"`;
}

/** As `quote`, for the path of a file: cut in the middle, so that the name of the file is always there. */
export function quotePath(path: string): string {
  if (path.length <= longestPath) return `"${terminalLine(path)}"`;
  return `"${terminalLine(path.slice(0, longestPath - pathEnd))}…${terminalLine(path.slice(-pathEnd))}"`;
}
