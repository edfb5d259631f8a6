// What is wrong with a configuration file, said to the person who has to put it right.

import { quotePath } from "@cpc-partition/process/quote";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import type { Location } from "./configuration.ts";

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

/** Collects errors and warnings of the files of one configuration while they are read, so that one pass finds all of them. */
export class Findings {
  readonly file: string;
  readonly #errors: ProblemList;
  readonly #warnings: ProblemList;
  readonly #hints: ProblemList;

  constructor(
    file: string,
    { errors, warnings, hints } = {
      errors: new ProblemList("errors"),
      warnings: new ProblemList("warnings"),
      hints: new ProblemList("hints"),
    },
  ) {
    this.file = file;
    this.#errors = errors;
    this.#warnings = warnings;
    this.#hints = hints;
  }

  /** For what is found in another file of the same configuration. */
  in(file: string): Findings {
    const lists = { errors: this.#errors, warnings: this.#warnings, hints: this.#hints };
    return file === this.file ? this : new Findings(file, lists);
  }

  error(line: number, message: string): void {
    this.#errors.add({ file: this.file, line, message });
  }

  warn(line: number, message: string): void {
    this.#warnings.add({ file: this.file, line, message });
  }

  /** What `check` says and a run does not: it may well be meant, and then it would be said at every start. */
  hint(line: number, message: string): void {
    this.#hints.add({ file: this.file, line, message });
  }

  get hints(): readonly Problem[] {
    return this.#hints.byLine();
  }

  /** Throws when there was an error; the warnings otherwise. */
  conclude(): readonly Problem[] {
    const errors = this.#errors.byLine();
    if (errors.length > 0) throw new ConfigurationError(errors);
    return this.#warnings.byLine();
  }
}

/** More than anybody reads at once. */
export const mostProblems = 1000;

/** The first problems of one kind; of the others the number. */
class ProblemList {
  readonly #kind: string;
  readonly #problems: Problem[] = [];
  #more = 0;

  constructor(kind: string) {
    this.#kind = kind;
  }

  add(problem: Problem): void {
    if (this.#problems.length < mostProblems) this.#problems.push(problem);
    else this.#more++;
  }

  /** The files in the order in which something was found in them. */
  byLine(): readonly Problem[] {
    const byFile = Map.groupBy(this.#problems, ({ file }) => file);
    const sorted = [...byFile.values()].flatMap((own) => own.toSorted((a, b) => a.line - b.line));
    const [first] = sorted;
    if (first === undefined || this.#more === 0) return sorted;
    const message = `at least ${this.#more} more ${this.#kind} are not listed; correct these first`;
    return [...sorted, { ...first, message }];
  }
}

/** "line 3", or "line 3 of other.xml" for somebody who looks at `file`. */
export function lineIn(place: Location, file: string): string {
  return place.file === file ? `line ${place.line}` : `line ${place.line} of ${quotePath(place.file)}`;
}

// Controls (terminal escapes among them), line separators, and the characters that turn the direction of text around.
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/** "character 3 is a tab" for the first one that would disturb a terminal, a log line or the eye of its reader; undefined without one. */
export function controlCharacterIn(text: string): string | undefined {
  if (!unprintable.test(text)) return undefined;
  const characters = Array.from(text);
  const at = characters.findIndex((character) => unprintable.test(character));
  const found = characters[at];
  if (found === undefined) return undefined;
  const code = found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  const names: Readonly<Record<string, string>> = { "\t": "a tab", "\n": "a line break", "\r": "a line break" };
  return `character ${at + 1} is ${names[found] ?? `the control character U+${code}`}`;
}

export { quote, quotePath } from "@cpc-partition/process/quote";
