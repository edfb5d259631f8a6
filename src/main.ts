#!/usr/bin/env node
// cpc: from the command line to a command, and from its outcome to the exit code. The only file that sets one.

import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { CommanderError } from "commander";
import { CommandError } from "./commands/command-error.ts";
import { dropEmptyVariables } from "./commands/environment.ts";
import { ExitCode } from "./commands/exit-code.ts";
import { createProgram } from "./commands/program.ts";
import { ConfigurationError, formatProblem } from "./config/problem.ts";
import { failureFarewellMs, farewellMs, standardError } from "./logging/standard-error.ts";
import { PosixError, UnsuitableObjectError } from "./posix/errno.ts";
import { endProcessAtOnce } from "./posix/process-end.ts";
import { AnotherWriterError } from "./posix/single-writer.ts";

async function main(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = ExitCode.fine;
  dropEmptyVariables(process.env);
  const program = createProgram(version(), (ended) => {
    code = ended;
  });
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    return report(error);
  }
}

function report(error: unknown): ExitCode {
  // Commander has printed its message, or the help or version that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.fine : ExitCode.invalidInput;
  if (error instanceof ConfigurationError) {
    for (const problem of error.problems) standardError.write(`${formatProblem(problem)}\n`);
    return ExitCode.invalidInput;
  }
  if (error instanceof AnotherWriterError) {
    standardError.write(`${error.message}\n`);
    return ExitCode.anotherWriter;
  }
  const isExpected =
    error instanceof CommandError || error instanceof PosixError || error instanceof UnsuitableObjectError;
  standardError.write(`${isExpected ? error.message : error instanceof Error ? error.stack : String(error)}\n`);
  return ExitCode.failed;
}

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** A reader that has seen enough (`cpc dump modbus | head -1`) closes the pipe, a user the terminal; what else goes wrong is told. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || error.code === "EIO") return;
  standardError.write(`cannot write the output: ${error.message}\n`);
  process.exitCode = ExitCode.failed;
}

async function endBy(error: Error): Promise<void> {
  process.exitCode = report(error);
  await standardError.end(farewellMs);
  // A thread that hangs in the system would hold up the restart.
  process.once("exit", endProcessAtOnce);
  process.exit();
}

process.stdout.on("error", outputFailed);
process.stderr.on("error", () => {}); // nobody is left to tell
// The runtime would print it and wait for whoever reads that.
process.on("uncaughtException", (error) => void endBy(error));
// Compiled code is kept between runs: a restart has its values sooner. Threads learn of the folder by the environment.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] ??= directory;
const outcome = await main(process.argv);
await standardError.end(outcome === ExitCode.fine ? farewellMs : failureFarewellMs);
process.exitCode ??= outcome;
