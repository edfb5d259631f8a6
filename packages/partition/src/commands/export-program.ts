// `cpc export` on the command line: names, options, help.

import { Argument, Option, type Command } from "commander";
import { duration, prefixOption, seconds } from "@cpc-partition/process/command-options";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import type { ServiceName } from "@cpc-partition/image/service-name";
import type { ExportSettings } from "./export.ts";

const help = `
Without --interval and --follow it exports every value once. A bad value has its status and no value.
Examples:
  cpc export modbus > values.csv
  cpc export opcua --interval 10 --duration 1h --output values.parquet
  cpc export modbus --follow --point "Pump 1: *" --ndjson | your-program`;

export function addExportCommand(
  program: Command,
  services: readonly ServiceName[],
  done: (code: ExitCode) => void,
): void {
  program
    .command("export")
    .description("write values with status and times to a file or a pipe, once, at an interval, or every change")
    .addArgument(new Argument("<service>", "whose values").choices(services))
    .addOption(
      new Option("--csv", "CSV; also without any of these three, unless the name of the file says another")
        .default(false)
        .conflicts(["ndjson", "parquet"]),
    )
    .addOption(new Option("--ndjson", "one JSON object for each line").default(false).conflicts("parquet"))
    .option("--parquet", "Parquet; complete when the command has ended", false)
    .addOption(
      new Option("--interval <seconds>", "every value, again and again").argParser(seconds).conflicts("follow"),
    )
    .option("--follow", "every value, then every change from the journal", false)
    .addOption(new Option("--duration <time>", "end by itself after 30s, 5m, 2h or 1d").argParser(duration))
    .option("--point <glob>", "only points whose key fits, with * for any text and ? for one character")
    .option("--output <file>", "a new file; its ending .csv, .ndjson or .parquet chooses the format")
    .addHelpText("after", help)
    .addOption(prefixOption())
    .action(async (service: ServiceName, settings: ExportSettings) => {
      const { exportValues } = await import("./export.ts");
      done(await exportValues(service, settings));
    });
}
