// The command of this package, as `cpc` offers it where the package is installed.

import type { Command } from "commander";
import {
  consumersOption,
  logFormatOption,
  logLevelOption,
  prefixOption,
  removeOnExitOption,
  segmentSizeOption,
  strictJsonOption,
  unreadableOption,
} from "@cpc-partition/process/command-options";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import type { DocumentsSettings } from "./documents-command.ts";

/** `done` gets the exit code of the command that ran. */
export function addCommands(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("documents")
    .description(
      "write the documents of a partition that runs elsewhere (cpc run --no-documents), until SIGTERM or SIGINT; cpc run does this by itself",
    )
    .addOption(consumersOption())
    .addOption(prefixOption())
    .addOption(segmentSizeOption())
    .addOption(unreadableOption())
    .addOption(strictJsonOption())
    .addOption(removeOnExitOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (settings: DocumentsSettings) => {
      const { documents } = await import("./documents-command.ts");
      done(await documents(settings));
    });
}
