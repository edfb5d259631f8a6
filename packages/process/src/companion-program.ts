// `cpc` where one companion is installed and no partition: its commands alone, as in its container image, which then contains no client of a protocol.

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { emptyProgram, reportFailure, runProgram } from "./command-line.ts";
import { runAsProcess } from "./command-process.ts";
import type { ExitCode } from "./exit-code.ts";

/** `manifest` is the companion's package.json. */
export async function runCompanion(
  manifest: URL,
  addCommands: (program: Command, done: (code: ExitCode) => void) => void,
): Promise<void> {
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  const create = (done: (code: ExitCode) => void): Command => {
    const program = emptyProgram(version);
    addCommands(program, done);
    return program;
  };
  await runAsProcess((argv) => runProgram(argv, create, reportFailure), reportFailure);
}
