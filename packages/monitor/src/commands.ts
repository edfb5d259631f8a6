// The commands of the monitor, as `cpc` offers them where this package is installed.

import { InvalidArgumentError, Option, type Command } from "commander";
import { logFormatOption, logLevelOption, prefixOption } from "@cpc-partition/process/command-options";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import { parseListenAddress, type ListenAddress } from "./access/listen-rules.ts";
import type { MonitorSettings } from "./monitor.ts";

/** `done` gets the exit code of the command that ran. */
export function addCommands(program: Command, done: (code: ExitCode) => void): void {
  const monitor = program
    .command("monitor")
    .description(
      "show a page with values and problems, metrics for Prometheus, and health, over HTTP; reads images only",
    )
    .addOption(
      new Option(
        "--listen <address:port>",
        "where to listen; other machines need --tls-certificate and --users, or --trust-proxy",
      )
        .env("CPC_MONITOR_LISTEN")
        .default({ host: "127.0.0.1", port: 9850 } satisfies ListenAddress, "127.0.0.1:9850")
        .argParser(listenAddress),
    )
    .addOption(prefixOption())
    .addOption(usersOption())
    .addOption(new Option("--tls-certificate <file>", "certificate for HTTPS (PEM)").env("CPC_MONITOR_TLS_CERTIFICATE"))
    .addOption(new Option("--tls-key <file>", "its private key (PEM)").env("CPC_MONITOR_TLS_KEY"))
    .addOption(
      new Option(
        "--trust-proxy <addresses>",
        "addresses of reverse proxies, separated by commas: nobody else is answered",
      )
        .env("CPC_MONITOR_TRUST_PROXY")
        .default([], "none")
        .argParser((text) => text.split(",").map((address) => address.trim())),
    )
    .addOption(
      new Option(
        "--textfile <file>",
        "write metrics to this file for node_exporter's textfile collector, and listen nowhere",
      ).env("CPC_MONITOR_TEXTFILE"),
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .action(async (settings: MonitorSettings) => {
      const { monitor: run } = await import("./monitor.ts");
      done(await run(settings));
    });

  const user = monitor.command("user").description("manage the users of the monitor");
  user
    .command("add")
    .description("add a user, or give one another password; asks for it, or takes it from standard input")
    .argument("<name>")
    .addOption(usersOption())
    .action(async (name: string, _settings: object, command: Command) => {
      const { add } = await import("./user-commands.ts");
      done(await add(name, usersOf(command)));
    });
  user
    .command("remove")
    .description("remove a user")
    .argument("<name>")
    .addOption(usersOption())
    .action(async (name: string, _settings: object, command: Command) => {
      const { remove } = await import("./user-commands.ts");
      done(remove(name, usersOf(command)));
    });
}

function usersOption(): Option {
  return new Option("--users <file>", "who may look: names with password hashes, made by cpc monitor user add").env(
    "CPC_MONITOR_USERS",
  );
}

/** `cpc monitor` has the option, too, and takes it wherever it stands. */
function usersOf(command: Command): string {
  const { users } = command.optsWithGlobals<{ readonly users?: string }>();
  return users ?? command.error("error: give the file of users: --users users.txt");
}

function listenAddress(text: string): ListenAddress {
  const address = parseListenAddress(text);
  if (address !== undefined) return address;
  throw new InvalidArgumentError(
    "It must be an address of this machine and a port, for example 127.0.0.1:9850 or [::1]:9850.",
  );
}
