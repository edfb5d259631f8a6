// The commands of the simulator, as `cpc` offers them where this package is installed.

import { InvalidArgumentError, Option, type Command } from "commander";
import {
  intervalOption,
  logFormatOption,
  logLevelOption,
  pathsGiven,
  pathsOption,
  prefixOption,
  seconds,
  strictJsonOption,
  unreadableOption,
} from "@cpc-partition/process/command-options";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import { hostArgument } from "cpc-partition/commands/host-argument";
import type { DemoSettings } from "./demo.ts";
import type { SimulateSettings } from "./simulate.ts";

/** `done` gets the exit code of the command that ran. */
export function addCommands(program: Command, done: (code: ExitCode) => void): void {
  program
    .command("demo")
    .description("simulate a plant on this machine, run the partition on it and show the values")
    .addOption(
      new Option(
        "--duration <seconds>",
        "stop this long after the first values (default: not before Ctrl+C)",
      ).argParser(seconds),
    )
    .addOption(intervalOption())
    .addOption(prefixOption())
    .addOption(unreadableOption())
    .addOption(strictJsonOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (settings: DemoSettings) => {
      const { demo } = await import("./demo.ts");
      done(await demo(settings));
    });

  program
    .command("simulate")
    .description("run only the simulated plant, that of demo unless files are given, until SIGTERM or SIGINT")
    .addOption(pathsOption("opcua", "OPC UA servers to play (XML)"))
    .addOption(pathsOption("modbus", "Modbus TCP devices to play (XML)"))
    .option(
      "--directory <dir>",
      "private folder for keys and certificates; its certificates/ holds the trust list",
      "simulated-plant",
    )
    .addOption(new Option("--host <address>", "address to listen on").argParser(listeningAddress).default("127.0.0.1"))
    .addOption(
      new Option("--host-name <name>", "host name that clients use to reach the plant")
        .argParser(hostArgument)
        .default(undefined, "the host"),
    )
    .addOption(portOption("--opcua-port <number>", "port of the first OPC UA server"))
    .addOption(portOption("--modbus-port <number>", "port of the first Modbus TCP device"))
    .action(async (settings: Omit<SimulateSettings, "paths">, command: Command) => {
      const paths = { opcua: pathsGiven(command, "opcua"), modbus: pathsGiven(command, "modbus") };
      const { simulate } = await import("./simulate.ts");
      done(await simulate({ ...settings, paths }));
    });
}

function portOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(portNumber).default(0, "any free one");
}

function portNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("It must be a port from 1 to 65535, or 0 for any free one.");
}

/** The addresses that stand for all of this machine can be listened on, and only that. */
function listeningAddress(text: string): string {
  return text === "0.0.0.0" || text === "::" ? text : hostArgument(text);
}
