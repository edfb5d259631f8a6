// One line that says what a long command does just now, on standard error and only where a person looks at it.

import { isatty } from "node:tty";
import { standardError } from "@cpc-partition/process/standard-error";
import { terminalLine } from "@cpc-partition/process/terminal-text";

const clearLine = "\r\u001b[K";
/** More often nobody can read. */
const pauseMs = 100;

export class Progress {
  readonly #isSeen = isatty(2);
  #shownAtMs = -Infinity;
  #isShown = false;

  show(text: string): void {
    const nowMs = performance.now();
    if (!this.#isSeen || nowMs - this.#shownAtMs < pauseMs) return;
    this.#shownAtMs = nowMs;
    this.#isShown = true;
    const columns = process.stderr.columns || 80;
    standardError.write(clearLine + terminalLine(text).slice(0, columns - 1));
  }

  /** Before anything else is printed. */
  clear(): void {
    if (this.#isShown) standardError.write(clearLine);
    this.#isShown = false;
  }
}
