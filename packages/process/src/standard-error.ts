// Standard error, for everything that this program says there while a partition may be running.

import { OutputDescriptor } from "@cpc-partition/image/posix/output-descriptor";
import { BoundedOutput } from "./bounded-output.ts";
import { terminalText } from "./terminal-text.ts";

/** For text that is safe for a terminal already. */
export const standardError = new BoundedOutput(() => new OutputDescriptor(2));

/** Says lines that are safe for a terminal, whatever is in them. */
export function printError(lines: string): void {
  standardError.write(`${terminalText(lines)}\n`);
}

/** How long the program's end may wait for a reader that is slow. */
export const farewellMs = 500;
/** The same when what waits is the reason why the program failed. */
export const failureFarewellMs = 4000;
