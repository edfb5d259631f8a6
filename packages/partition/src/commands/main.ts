// From the words of a command line to a command, and from its outcome to an exit code.

import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { ConfigurationError, formatProblem } from "../configuration/problem.ts";
import { printError } from "@cpc-partition/process/standard-error";
import { terminalLine } from "@cpc-partition/process/terminal-text";
import { PosixError, UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { AnotherWriterError } from "@cpc-partition/image/posix/single-writer";
import { CommandError } from "@cpc-partition/process/command-error";
import { dropEmptyVariables } from "@cpc-partition/process/environment";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { createProgram } from "./program.ts";

/** Runs one command as `cpc` does; `argv` as in `process.argv`. Prints what the command prints, and leaves the end of the process to the caller. */
export async function main(argv: readonly string[] = process.argv): Promise<ExitCode> {
  let code: ExitCode = ExitCode.fine;
  dropEmptyVariables(process.env);
  const program = await createProgram(version(), (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    return report(error);
  }
}

/** Prints why a command failed, and says which exit code that is. */
export function report(error: unknown): ExitCode {
  // Commander has printed its message, or the help or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.fine : ExitCode.invalidInput;
  if (error instanceof ConfigurationError) {
    for (const problem of error.problems) printError(formatProblem(problem));
    return ExitCode.invalidInput;
  }
  if (error instanceof AnotherWriterError) {
    printError(terminalLine(error.message));
    return ExitCode.anotherWriter;
  }
  const isExpected =
    error instanceof CommandError || error instanceof PosixError || error instanceof UnsuitableObjectError;
  printError(
    isExpected ? terminalLine(error.message) : error instanceof Error ? (error.stack ?? error.message) : String(error),
  );
  return ExitCode.failed;
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
