// One command of `cpc`, from its words to its exit code.

import { reportFailure, runProgram } from "@cpc-partition/process/command-line";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { printError } from "@cpc-partition/process/standard-error";
import { ConfigurationError, formatProblem } from "../configuration/problem.ts";
import { ownVersion, versionJson } from "./own-version.ts";
import { createProgram } from "./program.ts";

/** Runs one command as `cpc` does; `argv` as in `process.argv`. Prints what the command prints, and leaves the end of the process to the caller. */
export async function main(argv: readonly string[] = process.argv): Promise<ExitCode> {
  const isForPrograms = argv.includes("--json") && (argv.includes("--version") || argv.includes("-V"));
  const version = isForPrograms ? await versionJson() : ownVersion();
  return await runProgram(argv, (done) => createProgram(version, done), report);
}

/** Prints why a command failed, and says which exit code that is. */
export function report(error: unknown): ExitCode {
  if (!(error instanceof ConfigurationError)) return reportFailure(error);
  for (const problem of error.problems) printError(formatProblem(problem));
  return ExitCode.invalidInput;
}
