// From the words of a command line to a command, and from its outcome to an exit code.

import { CommanderError, type Command } from "commander";
import { PosixError, UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { AnotherWriterError } from "@cpc-partition/image/posix/single-writer";
import { CommandError } from "./command-error.ts";
import { dropEmptyVariables, misspelledVariables } from "./environment.ts";
import { ExitCode } from "./exit-code.ts";
import { CommandWithVariables, optionVariables, switchVariables } from "./option-variables.ts";
import { printError, printWarning } from "./standard-error.ts";
import { print } from "./standard-output.ts";
import { terminalLine } from "./terminal-text.ts";

/** `cpc` without commands. Commander's own refusals are thrown as CommanderError. */
export function emptyProgram(version: string, versionHelp = "print the version"): Command {
  return new CommandWithVariables("cpc")
    .version(version, "-V, --version", versionHelp)
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: (text) => printError(text.trimEnd()) })
    .exitOverride();
}

export type CreateProgram = (done: (code: ExitCode) => void) => Command | Promise<Command>;

/** Runs one command. Prints what the command prints, and leaves the end of the process to the caller. */
export async function runProgram(
  argv: readonly string[],
  createProgram: CreateProgram,
  report: (error: unknown) => ExitCode,
): Promise<ExitCode> {
  let code: ExitCode = ExitCode.fine;
  const program = await createProgram((ended) => {
    code = ended;
  });
  dropEmptyVariables(process.env, switchVariables(program));
  for (const mistake of misspelledVariables(process.env, optionVariables(program))) printWarning(mistake);
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    return report(error);
  }
}

/** Prints why a command failed, and says which exit code that is. */
export function reportFailure(error: unknown): ExitCode {
  // Commander has printed its message, or the help or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.fine : ExitCode.invalidInput;
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
