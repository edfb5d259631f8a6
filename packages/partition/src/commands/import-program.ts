// `cpc import` on the command line: names, options, help.

import { Option, type Command } from "commander";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { addressBases } from "../import/draft.ts";
import { formatNames } from "../import/format-names.ts";
import { unitId } from "./probe-program.ts";
import type { ImportCommandSettings } from "./import.ts";

const help = `
Prints XML for run and check. Standard error lists how the file was understood, and everything that has no counterpart; both stand as comments in the XML, too.
Examples:
  cpc import registers.csv --device 192.0.2.10 --alias "Pump 1" --output modbus.xml
  cpc import telegraf.conf --only opcua > opcua.xml
Exit codes: 0 everything was taken over, 1 something was left out, 2 the file or an option cannot be understood.`;

export function addImportCommand(
  program: Command,
  services: readonly ServiceName[],
  done: (code: ExitCode) => void,
): void {
  program
    .command("import")
    .description("make a configuration from a register list (CSV) or from the configuration of another program")
    .argument("<file>", "CSV, Telegraf (TOML), Neuron or OPC Publisher (JSON), KEPServerEX (CSV)")
    .addOption(new Option("--from <format>", "format of the file (default: found out)").choices(formatNames))
    .addOption(new Option("--device <address>", "HOST[:PORT] or opc.tcp://HOST:PORT, where the file does not say it"))
    .addOption(new Option("--alias <name>", "name of the device, where the file does not say it"))
    .addOption(
      new Option("--addresses <how>", "how a CSV file counts: from 0, from 1, or with the digit of a table as 40001")
        .choices(addressBases)
        .default("auto"),
    )
    .addOption(
      new Option(
        "--unit <id>",
        "unit id of the Modbus device, where a CSV file does not say it (default: 1)",
      ).argParser(unitId),
    )
    .addOption(
      new Option(
        "--word-order <order>",
        "of values in several registers, where a CSV file does not say it (default: ABCD)",
      ).choices(["ABCD", "CDAB", "BADC", "DCBA"]),
    )
    .addOption(new Option("--only <service>", "of a file with both protocols").choices(services))
    .option("--output <file>", "a new file instead of standard output")
    .addHelpText("after", help)
    .action(async (file: string, settings: ImportCommandSettings) => {
      const { importFile } = await import("./import.ts");
      done(importFile(file, settings));
    });
}
