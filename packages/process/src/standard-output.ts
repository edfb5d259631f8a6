// What a command was asked for.

import { terminalText } from "./terminal-text.ts";

/** Prints lines that are safe for a terminal, whatever is in them. */
export function print(lines: string): void {
  process.stdout.write(`${terminalText(lines)}\n`);
}

/** Bytes that are no text, for a file or a pipe. False when the reader is slow: wait for "drain". */
export function printBytes(bytes: Uint8Array): boolean {
  return process.stdout.write(bytes);
}
