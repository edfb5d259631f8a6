// The command line: names, options, help. Each command is a file of its own; this one only maps words to it.

import { Argument, Option, type Command } from "commander";
import { emptyProgram } from "@cpc-partition/process/command-line";
import {
  consumersOption,
  duration,
  intervalOption,
  journalSizeOption,
  threadsOption,
  logFormatOption,
  logLevelOption,
  pathsGiven,
  pathsOption,
  prefixOption,
  removeOnExitOption,
  seconds,
  segmentSizeOption,
  strictJsonOption,
  unreadableOption,
} from "@cpc-partition/process/command-options";
import { quote } from "@cpc-partition/process/quote";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { perProtocol, protocols, serviceNames } from "../protocols/registry.ts";
import { addCertCommands } from "./cert-program.ts";
import { addDescriptionCommands } from "./description-program.ts";
import { addCompanions } from "./companions.ts";
import type { CheckSettings } from "./check.ts";
import type { DumpSettings } from "./dump.ts";
import type { JournalSettings } from "./journal.ts";
import { addBrowseCommand } from "./browse-program.ts";
import { addExportCommand } from "./export-program.ts";
import { addImportCommand } from "./import-program.ts";
import { addProbeCommand } from "./probe-program.ts";
import { sortOrders } from "./point-rows.ts";
import type { RunSettings } from "./run.ts";
import type { StatusSettings } from "./status.ts";
import type { WatchSettings } from "./watch.ts";

const exitCodes = `
Each option of a command can also be set by the environment variable that the command's --help names; a switch is off when that says
0, false, no or off. What stands on the command line counts more.
Exit codes: 0 success, 1 failure, 2 invalid input, 3 another partition with the same names is running.`;

const runHelp = `
Examples:
  cpc run --opcua line.xml --modbus compressors.xml
  cpc run --modbus modbus.d --interval 0.5 --prefix line2_ --consumers psmo,interface
Exit codes: 0 it was stopped, 1 failure, 2 the configuration or an option is invalid, 3 another partition with the same names is running.`;

const checkHelp = `
Examples:
  cpc check line.xml compressors.xml
  cpc check compressors.xml --points
  cpc check line.xml compressors.xml --against
Exit codes:
  0  the files are valid; with --against: the servers are as configured
  1  with --against: something differs
  2  a file is invalid`;

const dumpHelp = `
Examples:
  cpc dump modbus --pretty
  cpc dump opcua --image
Exit codes: 0 it was printed, 1 there is none.`;

const journalHelp = `
Examples:
  cpc journal opcua --since 5m
  cpc journal modbus --follow --point "Pump 1: *" --json | your-program`;

const statusHelp = `
Exit codes:
  0  every service runs and its document is whole; servers may be lost: the first line says so
  1  a service or its documents process does not run, a document lacks entries, or (with --require-connected) a server is not connected
With --alive only a service that does not run counts: for a check that starts the partition again, which would mend nothing else.
A service that only an earlier run had does not count.`;

/** The program; `done` gets the exit code of the command that ran. Commander's own refusals are thrown as CommanderError. */
export async function createProgram(version: string, done: (code: ExitCode) => void): Promise<Command> {
  const program = emptyProgram(
    version,
    "print the version; with --json also those of packages, Node.js and the process image",
  )
    .description(
      "Reads OPC UA servers and Modbus TCP devices and puts their values into POSIX shared memory. Never writes to the plant.",
    )
    .addHelpText("after", exitCodes);

  const runCommand = program
    .command("run")
    .description(
      "run the partition until SIGTERM or SIGINT; SIGHUP, or a file that changes, makes it read its configuration again",
    );
  for (const { name, fileHolds } of protocols) runCommand.addOption(pathsOption(name, fileHolds));
  runCommand
    .addOption(intervalOption())
    .addOption(consumersOption())
    .addOption(prefixOption())
    .addOption(certificatesOption())
    .addOption(stateOption())
    .addOption(requireSecurityOption())
    .addOption(segmentSizeOption())
    .addOption(journalSizeOption())
    .addOption(threadsOption())
    .addOption(unreadableOption())
    .addOption(strictJsonOption())
    .addOption(removeOnExitOption())
    .addOption(
      new Option(
        "--no-documents",
        "write the process images only; cpc documents, run elsewhere, makes the documents of them",
      ).env("CPC_NO_DOCUMENTS"),
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addHelpText("after", runHelp)
    .allowExcessArguments() // people try `run FILE`, because `check FILE` is right: they get better words than commander's
    .action(async (settings: Omit<RunSettings, "paths">, command: Command) => {
      const paths = Object.fromEntries(serviceNames.map((name) => [name, pathsGiven(command, name)]));
      const [stray] = command.args;
      if (stray !== undefined || perProtocol(paths).length === 0) {
        const options = serviceNames.map((name) => `--${name} FILE`).join(", ");
        const wrong = stray === undefined ? "nothing to run" : `${quote(stray)} stands without an option`;
        program.error(`error: ${wrong}: give ${options} or both`);
      }
      const { run } = await import("./run.ts");
      done(await run({ ...settings, paths }));
    });

  program
    .command("check")
    .description("validate configuration files and print the plan")
    .argument("<files...>", "OPC UA or Modbus TCP configuration files (XML), or directories of them")
    .addOption(certificatesOption())
    .addOption(stateOption())
    .addOption(prefixOption())
    .addOption(requireSecurityOption())
    .option("--without-secrets", "do not follow references to secrets, for a machine that must not have them", false)
    .option("--points", "list each point: what reads it, address or node, type, unit, interval", false)
    .option("--json", "print the list of points (with --against: the differences) as JSON, and no plan", false)
    .addOption(
      new Option("--against", "connect once to the servers of the configuration and print what differs; reads only")
        .default(false)
        .conflicts(["withoutSecrets", "points"]),
    )
    .addOption(
      new Option("--within <seconds>", "with --against: longest time for each server").argParser(seconds).default(60),
    )
    .addOption(intervalOption())
    .addHelpText("after", checkHelp)
    .action(async (files: readonly string[], settings: CheckSettings) => {
      const { check } = await import("./check.ts");
      done(await check(files, settings));
    });

  program
    .command("dump")
    .description("print the document in shared memory")
    .addArgument(new Argument("<service>", "whose document").choices(serviceNames))
    .option("--consumer <name>", "the pair of this consumer instead of the plain one")
    .option("--image", "the process image instead of the document", false)
    .option("--json", "with --image: as JSON", false)
    .addOption(
      new Option("--pretty", "the document with an entry on each line").default(false).conflicts(["image", "json"]),
    )
    .addOption(prefixOption())
    .addHelpText("after", dumpHelp)
    .action(async (service: ServiceName, settings: DumpSettings) => {
      const { dump } = await import("./dump.ts");
      done(await dump(service, settings));
    });

  program
    .command("journal")
    .description("show every change of a value or status, also those before a crash")
    .addArgument(new Argument("<service>", "whose changes").choices(serviceNames))
    .addOption(
      new Option(
        "--since <time>",
        "only the last 30s, 5m, 2h or 1d: before now, or before the partition's end when it does not run",
      ).argParser(duration),
    )
    .option("--point <glob>", "only points whose key fits, with * for any text and ? for one character")
    .addOption(new Option("--csv", "CSV, for spreadsheets").default(false).conflicts("json"))
    .option("--json", "one JSON object for each line", false)
    .option("--follow", "keep printing new changes; without --since print only new ones", false)
    .addOption(prefixOption())
    .addHelpText("after", journalHelp)
    .action(async (service: ServiceName, settings: JournalSettings) => {
      const { journal } = await import("./journal.ts");
      done(await journal(service, settings));
    });

  program
    .command("watch")
    .description("show live values on a terminal; the key ? lists all keys")
    .option(
      "--filter <text>",
      "show only points whose key, server, address, description or status contains this text",
      "",
    )
    .addOption(new Option("--sort <order>", "sort order at the start").choices(sortOrders).default("configuration"))
    .addOption(prefixOption())
    .action(async (settings: WatchSettings) => {
      const { watch } = await import("./watch.ts");
      done(await watch(settings));
    });

  program
    .command("status")
    .description("show the health of services and servers")
    .option("--json", "print JSON for programs", false)
    .addOption(
      new Option("--require-connected", "also exit with code 1 while a server is not connected")
        .default(false)
        .conflicts("alive"),
    )
    .option(
      "--alive",
      "exit with code 1 only while a service does not run, whatever its documents and servers do",
      false,
    )
    .addHelpText("after", statusHelp)
    .addOption(prefixOption())
    .action(async (settings: StatusSettings) => {
      const { status } = await import("./status.ts");
      done(status(settings));
    });

  addBrowseCommand(program, done, certificatesOption);
  addExportCommand(program, serviceNames, done);
  addImportCommand(program, serviceNames, done);
  addProbeCommand(program, done);
  await addCompanions(program, done);
  addCertCommands(program, done, certificatesOption);

  program
    .command("clean")
    .description("remove the shared memory and semaphores that a killed run left behind")
    .addOption(prefixOption())
    .action(async (settings: { readonly prefix: string }) => {
      const { clean } = await import("./clean.ts");
      done(clean(settings));
    });

  program
    .command("verify")
    .description("compare the files of this installation with the list of a release")
    .argument("<list-file>", "FILES.sha256 of the release")
    .addHelpText(
      "after",
      "\nFirst verify the list itself: minisign -Vm FILES.sha256 -p KEY.pub\nExit codes: 0 all files are the same, 1 some are not.",
    )
    .action(async (list: string) => {
      const { verify } = await import("./verify.ts");
      done(verify(list));
    });

  addDescriptionCommands(program, done);
  return program;
}

function certificatesOption(): Option {
  return new Option("--certificates <dir>", "own certificates and the trust list")
    .env("CPC_CERTIFICATES")
    .default("certificates");
}

function stateOption(): Option {
  return new Option(
    "--state <dir>",
    "folder for the browse names that the partition learned and keeps over restarts (default: the folder that holds the certificates folder)",
  ).env("CPC_STATE");
}

function requireSecurityOption(): Option {
  return new Option(
    "--require-security",
    "refuse OPC UA servers with an insecure policy (None, Basic128Rsa15, Basic256)",
  )
    .env("CPC_REQUIRE_SECURITY")
    .default(false);
}
