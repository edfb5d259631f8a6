// Standard error, for everything that this program says there while a partition may be running.

import { fstatSync } from "node:fs";
import { OutputDescriptor } from "@cpc-partition/image/posix/output-descriptor";
import { BoundedOutput } from "./bounded-output.ts";
import { terminalText } from "./terminal-text.ts";

/** For text that is safe for a terminal already. */
export const standardError = new BoundedOutput(() => new OutputDescriptor(2));

/** Says lines that are safe for a terminal, whatever is in them. The journal takes them for errors: `journalctl -p err` shows them. */
export function printError(lines: string): void {
  say(lines, 3);
}

/** The same for what changes nothing. */
export function printWarning(line: string): void {
  say(`warning: ${line}`, 4);
}

/** Levels as in sd-daemon(3). */
function say(lines: string, level: number): void {
  const text = terminalText(lines);
  standardError.write(`${isJournal(2) ? text.replaceAll(/^/gm, `<${level}>`) : text}\n`);
}

/** systemd.exec(5): device and inode of the stream that it connected, so that an output that went elsewhere since is no journal. */
export function isJournal(descriptor: number): boolean {
  const [device, inode] = process.env["JOURNAL_STREAM"]?.split(":") ?? [];
  if (device === undefined || inode === undefined) return false;
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return String(dev) === device && String(ino) === inode;
}

/** How long the program's end may wait for a reader that is slow. */
export const farewellMs = 500;
/** The same when what waits is the reason why the program failed. */
export const failureFarewellMs = 4000;
