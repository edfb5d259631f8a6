// The command line: names, options, help. Each command is a file of its own; this one only maps words to it.

import { isatty } from "node:tty";
import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { logLevels } from "../logging/log.ts";
import { standardError } from "../logging/standard-error.ts";
import type { ServiceName } from "../point/service-name.ts";
import { ExitCode } from "./exit-code.ts";
import { addCertCommands, hostArgument } from "./cert-program.ts";
import type { CheckSettings } from "./check.ts";
import type { DemoSettings } from "./demo.ts";
import type { DumpSettings } from "./dump.ts";
import { sortOrders } from "./point-rows.ts";
import type { RunSettings } from "./run.ts";
import type { StatusSettings } from "./status.ts";
import type { WatchSettings } from "./watch.ts";
import type { SimulateSettings } from "./simulate.ts";

const exitCodes = `
Exit codes: 0 fine, 1 failed, 2 invalid input, 3 another writer runs.`;

const statusExitCodes = `
Exit codes:
  0  every service runs and its document is whole; servers may be lost: the first line says so
  1  a service does not run, a document lacks entries, or (with --require-connected) a server is not connected
A service that only an earlier run had does not count.`;

/** The program; `done` gets the exit code of the command that ran. Commander's own refusals are thrown as CommanderError. */
export function createProgram(version: string, done: (code: ExitCode) => void): Command {
  const program = new Command("cpc")
    .description(
      "Reads OPC UA servers and Modbus TCP devices and puts their values into POSIX shared memory. Never writes to the plant.",
    )
    .version(version)
    .addHelpText("after", exitCodes)
    .configureOutput({ writeErr: (text) => standardError.write(text) })
    .exitOverride();

  program
    .command("run")
    .description(
      "run the partition until SIGTERM or SIGINT; SIGHUP, or a file that changes, makes it read its configuration again",
    )
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
    .addOption(stateOption())
    .addOption(requireSecurityOption())
    .addOption(
      new Option("--segment-size <bytes>", "size of each document segment (default: computed from the configuration)")
        .env("CPC_SEGMENT_SIZE")
        .argParser(positiveInteger),
    )
    .addOption(unreadableOption())
    .addOption(strictJsonOption())
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
    .description("run only the simulated plant, until SIGTERM or SIGINT")
    .addOption(new Option("--opcua <file>", "OPC UA servers to play (XML)").env("CPC_OPCUA"))
    .addOption(new Option("--modbus <file>", "Modbus TCP devices to play (XML)").env("CPC_MODBUS"))
    .option(
      "--directory <dir>",
      "private folder for keys and certificates; trust is in its certificates/",
      "simulated-plant",
    )
    .addOption(new Option("--host <address>", "address to listen on").argParser(listeningAddress).default("127.0.0.1"))
    .addOption(
      new Option("--host-name <name>", "by which clients reach it")
        .argParser(hostArgument)
        .default(undefined, "the host"),
    )
    .addOption(portOption("--opcua-port <number>", "port of the first OPC UA server"))
    .addOption(portOption("--modbus-port <number>", "port of the first Modbus TCP device"))
    .action(async (settings: SimulateSettings) => {
      if (settings.opcua === undefined && settings.modbus === undefined) {
        program.error("error: nothing to simulate: give --opcua FILE, --modbus FILE or both");
      }
      const { simulate } = await import("./simulate.ts");
      done(await simulate(settings));
    });

  program
    .command("check")
    .description("validate configuration files and print the plan")
    .argument("<files...>", "OPC UA or Modbus TCP configuration files (XML)")
    .addOption(certificatesOption())
    .addOption(stateOption())
    .addOption(prefixOption())
    .addOption(requireSecurityOption())
    .action(async (files: readonly string[], settings: CheckSettings) => {
      const { check } = await import("./check.ts");
      done(check(files, settings));
    });

  program
    .command("dump")
    .description("print the document in shared memory")
    .addArgument(new Argument("<service>").choices(["opcua", "modbus"]))
    .option("--consumer <name>", "the pair of this consumer instead of the plain one")
    .option("--image", "the process image instead of the document", false)
    .option("--json", "the image as JSON", false)
    .addOption(prefixOption())
    .action(async (service: ServiceName, settings: DumpSettings) => {
      const { dump } = await import("./dump.ts");
      done(await dump(service, settings));
    });

  program
    .command("watch")
    .description("show live values; keys: q quits, s sorts, / filters")
    .option("--filter <text>", "only points with this in server, name or status", "")
    .addOption(new Option("--sort <order>", "first order").choices(sortOrders).default("configuration"))
    .addOption(prefixOption())
    .action(async (settings: WatchSettings) => {
      const { watch } = await import("./watch.ts");
      done(await watch(settings));
    });

  program
    .command("status")
    .description("show the health of services and servers")
    .option("--json", "for programs", false)
    .option("--require-connected", "exit with 1 also while a server is not connected", false)
    .addHelpText("after", statusExitCodes)
    .addOption(prefixOption())
    .action(async (settings: StatusSettings) => {
      const { status } = await import("./status.ts");
      done(status(settings));
    });

  addCertCommands(program, done, certificatesOption);

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

function portOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser(portNumber).default(0, "any free one");
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

function stateOption(): Option {
  return new Option("--state <dir>", "folder for what is learned and has to outlive a restart")
    .env("CPC_STATE")
    .default(undefined, "the folder that holds the certificates folder");
}

function requireSecurityOption(): Option {
  return new Option(
    "--require-security",
    "refuse OPC UA servers with an insecure policy (None, Basic128Rsa15, Basic256)",
  )
    .env("CPC_REQUIRE_SECURITY")
    .default(false);
}

function unreadableOption(): Option {
  return new Option(
    "--unreadable <how>",
    "what the document has for a value that cannot be read: no entry, or a text of type String",
  )
    .env("CPC_UNREADABLE")
    .choices(["leave-out", "text"])
    .default("leave-out");
}

function strictJsonOption(): Option {
  return new Option("--strict-json", "write NaN and infinities as strings, so that documents are JSON by RFC 8259")
    .env("CPC_STRICT_JSON")
    .default(false);
}

function logLevelOption(): Option {
  return new Option("--log-level <level>", "least important records to log")
    .env("CPC_LOG_LEVEL")
    .choices(logLevels)
    .default("info");
}

function logFormatOption(): Option {
  const format = isatty(2) ? "pretty" : "json";
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

function portNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value <= 65_535) return value;
  throw new InvalidArgumentError("It must be a port from 1 to 65535, or 0 for any free one.");
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

/** The addresses that stand for all of this machine can be listened on, and only that. */
function listeningAddress(text: string): string {
  return text === "0.0.0.0" || text === "::" ? text : hostArgument(text);
}
