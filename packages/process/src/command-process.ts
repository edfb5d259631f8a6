// The process around a command: what it prints is written before it ends, what goes wrong outside of it is told, and it always ends. The only file
// that sets an exit code.

import module from "node:module";
import { endProcessAtOnce } from "@cpc-partition/image/posix/process-end";
import { ExitCode } from "./exit-code.ts";
import { failureFarewellMs, farewellMs, printError, standardError } from "./standard-error.ts";

/** Of threads, after everything was written. */
const lingerMs = 500;

/** `report` prints why something failed, and says which exit code that is. */
export async function runAsProcess(
  main: (argv: readonly string[]) => Promise<ExitCode>,
  report: (error: unknown) => ExitCode,
): Promise<void> {
  process.stdout.on("error", outputFailed);
  process.stderr.on("error", () => {}); // nobody is left to tell
  // The runtime would print it and wait for whoever reads that.
  process.on("uncaughtException", (error) => void endBy(report(error)));
  // Compiled code is kept between runs: a restart has its values sooner. Threads learn of the folder by the environment.
  const { directory } = module.enableCompileCache();
  if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] ??= directory;
  const outcome = await main(process.argv);
  await standardError.end(outcome === ExitCode.fine ? farewellMs : failureFarewellMs);
  process.exitCode ??= outcome;
  // A thread that cannot be ended must not hold up the end of the process.
  setTimeout(() => process.exit(), lingerMs).unref();
}

/** A reader that has seen enough (`cpc dump modbus | head -1`) closes the pipe, a user the terminal; what else goes wrong is told. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || error.code === "EIO") return;
  printError(`cannot write the output: ${error.message}`);
  process.exitCode = ExitCode.failed;
}

async function endBy(code: ExitCode): Promise<void> {
  process.exitCode = code;
  await standardError.end(farewellMs);
  // A thread that hangs in the system would hold up the restart.
  process.once("exit", endProcessAtOnce);
  process.exit();
}
