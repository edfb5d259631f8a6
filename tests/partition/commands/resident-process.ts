// The process of resident.ts: runs one command line after another, each in the folder it names. A line of its own follows on both outputs.

import { endProcessAtOnce } from "../../../packages/image/src/posix/process-end.ts";
import { main } from "../../../packages/partition/src/commands/main.ts";
import { farewellMs, printError, standardError } from "../../../packages/process/src/standard-error.ts";
import { print } from "../../../packages/process/src/standard-output.ts";
import { divider, type CommandLine } from "./resident.ts";

process.on("message", ({ args, folder }: CommandLine) => void run(args, folder));
process.once("disconnect", () => {
  process.once("exit", endProcessAtOnce); // a thread of a run that could not start may still be loading
  process.exit();
});

async function run(args: readonly string[], folder: string): Promise<void> {
  process.chdir(folder);
  const code = await main(["node", "cpc", ...args]);
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.removeAllListeners(signal); // each command adds its own for good
  process.stdout.removeAllListeners("close");
  print(divider.trimEnd());
  printError(divider.trimEnd());
  await standardError.end(farewellMs);
  process.send?.(code);
}
