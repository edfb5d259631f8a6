// The command line: names, options, help. Each command is a file of its own; this one only maps words to it.

import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { logLevels } from "../logging/log.ts";
import type { ServiceName } from "../point/service-name.ts";
import { ExitCode } from "./exit-code.ts";
import type { CheckSettings } from "./check.ts";
import type { DemoSettings } from "./demo.ts";
import type { DumpSettings } from "./dump.ts";
import type { RunSettings } from "./run.ts";

const exitCodes = `
Exit codes: 0 fine, 1 failed, 2 invalid input, 3 another writer runs.`;

/** The program; `done` gets the exit code of the command that ran. Commander's own refusals are thrown as CommanderError. */
export function createProgram(version: string, done: (code: ExitCode) => void): Command {
  const program = new Command("cpc")
    .description(
      "Reads OPC UA servers and Modbus TCP devices and puts their values into POSIX shared memory. Never writes to the plant.",
    )
    .version(version)
    .addHelpText("after", exitCodes)
    .exitOverride();

  program
    .command("run")
    .description("run the partition until SIGTERM or SIGINT")
    .addOption(new Option("--opcua <file>", "OPC UA servers (XML)").env("CPC_OPCUA"))
    .addOption(new Option("--modbus <file>", "Modbus TCP devices (XML)").env("CPC_MODBUS"))
    .addOption(intervalOption())
    .addOption(
      new Option("--consumers <list>", "comma-separated names; each gets shared memory and a semaphore of its own")
        .env("CPC_CONSUMERS")
        .default([], "one pair with the plain names")
        .argParser(consumerList),
    )
    .addOption(prefixOption())
    .addOption(certificatesOption())
    .addOption(
      new Option("--segment-size <bytes>", "size of each document segment")
        .env("CPC_SEGMENT_SIZE")
        .default(undefined, "computed from the configuration")
        .argParser(positiveInteger),
    )
    .addOption(
      new Option("--remove-on-exit", "remove shared memory and semaphores at the end")
        .env("CPC_REMOVE_ON_EXIT")
        .default(false),
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (settings: RunSettings) => {
      if (settings.opcua === undefined && settings.modbus === undefined) {
        program.error("error: nothing to run: give --opcua FILE, --modbus FILE or both");
      }
      const { run } = await import("./run.ts");
      done(await run(settings));
    });

  program
    .command("demo")
    .description("simulate a plant on this machine, run the partition on it and show the values")
    .addOption(
      new Option("--duration <seconds>", "stop after this time").argParser(seconds).default(undefined, "until Ctrl+C"),
    )
    .addOption(intervalOption())
    .addOption(prefixOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (settings: DemoSettings) => {
      const { demo } = await import("./demo.ts");
      done(await demo(settings));
    });

  program
    .command("check")
    .description("validate configuration files and print the plan")
    .argument("<files...>", "OPC UA or Modbus TCP configuration files (XML)")
    .addOption(certificatesOption())
    .action(async (files: readonly string[], settings: CheckSettings) => {
      const { check } = await import("./check.ts");
      done(check(files, settings));
    });

  program
    .command("dump")
    .description("print the document in shared memory")
    .addArgument(new Argument("<service>").choices(["opcua", "modbus"]))
    .option("--consumer <name>", "the pair of this consumer instead of the plain one")
    .addOption(prefixOption())
    .action(async (service: ServiceName, settings: DumpSettings) => {
      const { dump } = await import("./dump.ts");
      done(await dump(service, settings));
    });

  program
    .command("clean")
    .description("remove what a killed run left in shared memory")
    .addOption(prefixOption())
    .action(async (settings: { readonly prefix: string }) => {
      const { clean } = await import("./clean.ts");
      done(clean(settings));
    });

  return program;
}

function intervalOption(): Option {
  return new Option("--interval <seconds>", "poll and publish interval")
    .env("CPC_INTERVAL")
    .default(1)
    .argParser(seconds);
}

function prefixOption(): Option {
  return new Option("--prefix <name>", "put before every name in shared memory")
    .env("CPC_PREFIX")
    .default("")
    .argParser(objectName);
}

function certificatesOption(): Option {
  return new Option("--certificates <dir>", "own certificates and the trust list")
    .env("CPC_CERTIFICATES")
    .default("certificates");
}

function logLevelOption(): Option {
  return new Option("--log-level <level>", "least important records to log")
    .env("CPC_LOG_LEVEL")
    .choices(logLevels)
    .default("info");
}

function logFormatOption(): Option {
  const format = process.stderr.isTTY ? "pretty" : "json";
  return new Option("--log-format <format>", "for people or for machines")
    .env("CPC_LOG_FORMAT")
    .choices(["json", "pretty"])
    .default(format, "pretty on a terminal, else json");
}

/** Timers count in whole milliseconds up to 2^31. */
function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0.001 && value <= 2_000_000) return value;
  throw new InvalidArgumentError("It must be a number of seconds from 0.001 to 2000000.");
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1024 && value <= 2 ** 30) return value;
  throw new InvalidArgumentError("It must be a whole number from 1024 to 1073741824.");
}

function objectName(text: string): string {
  if (/^[\w.-]*$/.test(text) && text.length <= 100) return text;
  throw new InvalidArgumentError("It may have letters, digits, '_', '-' and '.', 100 at most.");
}

function consumerList(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.every((name) => name !== "")) return names.map((name) => objectName(name));
  throw new InvalidArgumentError("It must be names separated by commas, for example psmo,interface.");
}
