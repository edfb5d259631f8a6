// The command line: names, options, help. Each command is a file of its own; this one only maps words to it.

import { Argument, Command, Option } from "commander";
import {
  consumersOption,
  duration,
  intervalOption,
  journalSizeOption,
  logFormatOption,
  logLevelOption,
  prefixOption,
  removeOnExitOption,
  segmentSizeOption,
  strictJsonOption,
  unreadableOption,
} from "@cpc-partition/process/command-options";
import { printError } from "@cpc-partition/process/standard-error";
import { print } from "@cpc-partition/process/standard-output";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { perProtocol, protocols, serviceNames } from "../protocols/registry.ts";
import { addCertCommands } from "./cert-program.ts";
import { addCompanions } from "./companions.ts";
import type { CheckSettings } from "./check.ts";
import type { DumpSettings } from "./dump.ts";
import type { JournalSettings } from "./journal.ts";
import { sortOrders } from "./point-rows.ts";
import type { RunSettings } from "./run.ts";
import type { StatusSettings } from "./status.ts";
import type { WatchSettings } from "./watch.ts";

const exitCodes = `
Exit codes: 0 success, 1 failure, 2 invalid input, 3 another partition with the same names is running.`;

const statusExitCodes = `
Exit codes:
  0  every service runs and its document is whole; servers may be lost: the first line says so
  1  a service or its documents process does not run, a document lacks entries, or (with --require-connected) a server is not connected
A service that only an earlier run had does not count.`;

/** The program; `done` gets the exit code of the command that ran. Commander's own refusals are thrown as CommanderError. */
export async function createProgram(version: string, done: (code: ExitCode) => void): Promise<Command> {
  const program = new Command("cpc")
    .description(
      "Reads OPC UA servers and Modbus TCP devices and puts their values into POSIX shared memory. Never writes to the plant.",
    )
    .version(version)
    .addHelpText("after", exitCodes)
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: (text) => printError(text.trimEnd()) })
    .exitOverride();

  const runCommand = program
    .command("run")
    .description(
      "run the partition until SIGTERM or SIGINT; SIGHUP, or a file that changes, makes it read its configuration again",
    );
  for (const { name, fileHolds } of protocols)
    runCommand.addOption(new Option(`--${name} <file>`, fileHolds).env(`CPC_${name.toUpperCase()}`));
  runCommand
    .addOption(intervalOption())
    .addOption(consumersOption())
    .addOption(prefixOption())
    .addOption(certificatesOption())
    .addOption(stateOption())
    .addOption(requireSecurityOption())
    .addOption(segmentSizeOption())
    .addOption(journalSizeOption())
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
    .action(async (settings: RunSettings) => {
      if (perProtocol<string>(settings).length === 0) {
        const options = serviceNames.map((name) => `--${name} FILE`).join(", ");
        program.error(`error: nothing to run: give ${options} or both`);
      }
      const { run } = await import("./run.ts");
      done(await run(settings));
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
      done(await check(files, settings));
    });

  program
    .command("dump")
    .description("print the document in shared memory")
    .addArgument(new Argument("<service>").choices(serviceNames))
    .option("--consumer <name>", "the pair of this consumer instead of the plain one")
    .option("--image", "the process image instead of the document", false)
    .option("--json", "the image as JSON", false)
    .addOption(prefixOption())
    .action(async (service: ServiceName, settings: DumpSettings) => {
      const { dump } = await import("./dump.ts");
      done(await dump(service, settings));
    });

  program
    .command("journal")
    .description("show every change of a value or status, also those before a crash")
    .addArgument(new Argument("<service>").choices(serviceNames))
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
    .action(async (service: ServiceName, settings: JournalSettings) => {
      const { journal } = await import("./journal.ts");
      done(await journal(service, settings));
    });

  program
    .command("watch")
    .description("show live values; keys: q quits, s sorts, / filters")
    .option("--filter <text>", "show only points whose server, name or status contains this text", "")
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
    .option("--require-connected", "also exit with code 1 while a server is not connected", false)
    .addHelpText("after", statusExitCodes)
    .addOption(prefixOption())
    .action(async (settings: StatusSettings) => {
      const { status } = await import("./status.ts");
      done(status(settings));
    });

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

  return program;
}

function certificatesOption(): Option {
  return new Option("--certificates <dir>", "own certificates and the trust list")
    .env("CPC_CERTIFICATES")
    .default("certificates");
}

function stateOption(): Option {
  return new Option("--state <dir>", "folder for the browse names that the partition learned and keeps over restarts")
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
