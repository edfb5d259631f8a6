// Runs command lines, given as JSON, one after another in this process; between them a line of its own stands on both outputs.

import { setImmediate as turn } from "node:timers/promises";
import { main } from "../../../packages/partition/src/commands/main.ts";
import { endProcessAtOnce } from "../../../packages/image/src/posix/process-end.ts";
import { print } from "../../../packages/process/src/standard-output.ts";
import { farewellMs, printError, standardError } from "../../../packages/process/src/standard-error.ts";

export const divider = "---- next ----";

if (import.meta.main) {
  for (const args of JSON.parse(process.argv[2] ?? "[]") as readonly (readonly string[])[]) {
    await main(["node", "cpc", ...args]);
    print(divider);
    printError(divider);
  }
  await standardError.end(farewellMs);
  await turn();
  process.once("exit", endProcessAtOnce); // a thread of a run that could not start may still be loading
}
