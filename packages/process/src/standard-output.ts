// What a command was asked for.

import { terminalText } from "./terminal-text.ts";

/** Prints lines that are safe for a terminal, whatever is in them. */
export function print(lines: string): void {
  process.stdout.write(`${terminalText(lines)}\n`);
}
