// What is wrong with a configuration, collected: a person gets all of it at once, in the order of the lines.

import { terminalLine } from "@cpc-partition/process/terminal-text";

export interface Problem {
  readonly line: number;
  /** What is wrong, and what would be right. */
  readonly message: string;
}

export class Problems {
  readonly file: string;
  readonly #errors: Problem[] = [];
  readonly #warnings: Problem[] = [];

  constructor(file: string) {
    this.file = file;
  }

  error(line: number, message: string): void {
    this.#errors.push({ line, message });
  }

  warn(line: number, message: string): void {
    this.#warnings.push({ line, message });
  }

  get hasErrors(): boolean {
    return this.#errors.length > 0;
  }

  /** `file:line: message`, as editors and terminals make it clickable. */
  get errors(): readonly string[] {
    return this.#format(this.#errors);
  }

  get warnings(): readonly string[] {
    return this.#format(this.#warnings);
  }

  #format(problems: readonly Problem[]): readonly string[] {
    return problems
      .toSorted((one, other) => one.line - other.line)
      .map(({ line, message }) => terminalLine(`${this.file}:${line}: ${message}`));
  }
}
