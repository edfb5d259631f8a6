// What is wrong with a configuration file, said to the person who has to put it right.

import { terminalLine } from "@cpc-partition/process/terminal-text";

/** `line` counts from 1; 1 also when the trouble is the file as a whole. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  /** What is wrong, and what would be right. */
  readonly message: string;
}

/** `file:line: what is wrong, what would be right`, as editors and terminals make it clickable. */
export function formatProblem(problem: Problem): string {
  return terminalLine(`${problem.file}:${problem.line}: ${problem.message}`);
}

/** The file cannot be used. `problems` holds everything that was found, in the order of the lines. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly code = "InvalidConfiguration";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

/** Collects errors and warnings of one file while it is read, so that one pass finds all of them. */
export class Findings {
  readonly file: string;
  readonly #errors: Problem[] = [];
  readonly #warnings: Problem[] = [];
  readonly #hints: Problem[] = [];

  constructor(file: string) {
    this.file = file;
  }

  error(line: number, message: string): void {
    this.#errors.push({ file: this.file, line, message });
  }

  warn(line: number, message: string): void {
    this.#warnings.push({ file: this.file, line, message });
  }

  /** What `check` says and a run does not: it may well be meant, and then it would be said at every start. */
  hint(line: number, message: string): void {
    this.#hints.push({ file: this.file, line, message });
  }

  get hints(): readonly Problem[] {
    return byLine(this.#hints);
  }

  /** Throws when there was an error; the warnings otherwise. */
  conclude(): readonly Problem[] {
    if (this.#errors.length > 0) throw new ConfigurationError(byLine(this.#errors));
    return byLine(this.#warnings);
  }
}

function byLine(problems: readonly Problem[]): readonly Problem[] {
  return problems.toSorted((a, b) => a.line - b.line);
}

const longestQuote = 80;
const longestPath = 400;
/** More than the longest name of a file. */
const pathEnd = 260;

// Controls (terminal escapes among them), line separators, and the characters that turn the direction of text around.
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/** "character 3 is a tab" for the first one that would disturb a terminal, a log line or the eye of its reader; undefined without one. */
export function controlCharacterIn(text: string): string | undefined {
  const characters = Array.from(text);
  const at = characters.findIndex((character) => unprintable.test(character));
  const found = characters[at];
  if (found === undefined) return undefined;
  const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  const names: Readonly<Record<string, string>> = { "\t": "a tab", "\n": "a line break", "\r": "a line break" };
  return `character ${at + 1} is ${names[found] ?? `the control character U+${code}`}`;
}

/** A text from a file, fit for a message: in quotes, of bounded length, with nothing in it that a terminal obeys. */
export function quote(text: string): string {
  return `"${terminalLine(text.slice(0, longestQuote))}${text.length > longestQuote ? "…" : ""}"`;
}

/** As `quote`, for the path of a file: cut in the middle, so that the name of the file is always there. */
export function quotePath(path: string): string {
  if (path.length <= longestPath) return `"${terminalLine(path)}"`;
  return `"${terminalLine(path.slice(0, longestPath - pathEnd))}…${terminalLine(path.slice(-pathEnd))}"`;
}
