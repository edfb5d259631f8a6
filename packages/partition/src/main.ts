// cpc: the process around a command. The only file that sets an exit code.

import module from "node:module";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { main, report } from "./commands/main.ts";
import { failureFarewellMs, farewellMs, printError, standardError } from "@cpc-partition/process/standard-error";
import { endProcessAtOnce } from "@cpc-partition/image/posix/process-end";

/** A reader that has seen enough (`cpc dump modbus | head -1`) closes the pipe, a user the terminal; what else goes wrong is told. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || error.code === "EIO") return;
  printError(`cannot write the output: ${error.message}`);
  process.exitCode = ExitCode.failed;
}

async function endBy(error: Error): Promise<void> {
  process.exitCode = report(error);
  await standardError.end(farewellMs);
  // A thread that hangs in the system would hold up the restart.
  process.once("exit", endProcessAtOnce);
  process.exit();
}

/** Of threads, after everything was written. */
const lingerMs = 500;

process.stdout.on("error", outputFailed);
process.stderr.on("error", () => {}); // nobody is left to tell
// The runtime would print it and wait for whoever reads that.
process.on("uncaughtException", (error) => void endBy(error));
// Compiled code is kept between runs: a restart has its values sooner. Threads learn of the folder by the environment.
const { directory } = module.enableCompileCache();
if (directory !== undefined) process.env["NODE_COMPILE_CACHE"] ??= directory;
const outcome = await main(process.argv);
await standardError.end(outcome === ExitCode.fine ? farewellMs : failureFarewellMs);
process.exitCode ??= outcome;
// A thread that cannot be ended must not hold up the end of the process.
setTimeout(() => process.exit(), lingerMs).unref();
