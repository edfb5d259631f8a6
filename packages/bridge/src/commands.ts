// The commands of the bridge, as `cpc` offers them where this package is installed.

import { Option, type Command } from "commander";
import { logFormatOption, logLevelOption, prefixOption } from "@cpc-partition/process/command-options";
import type { ExitCode } from "@cpc-partition/process/exit-code";
import { invocation } from "@cpc-partition/process/invocation";
import type { BridgeSettings } from "./bridge.ts";

/** `done` gets the exit code of the command that ran. */
export function addCommands(program: Command, done: (code: ExitCode) => void): void {
  const bridge = withOptions(program.command("bridge"))
    .description("publish what the partition reads to brokers, as a YAML file says; reads images and journals only")
    .argument("[file]", "YAML file with outputs")
    .addOption(new Option("--check", "only check the file").default(false))
    .action(
      async (file: string | undefined, settings: BridgeSettings & { readonly check: boolean }, command: Command) => {
        if (file === undefined) command.error(`error: give a file of outputs: ${invocation} bridge bridge.yaml`);
        const { bridgeFile, checkFile } = await import("./bridge.ts");
        done(settings.check ? checkFile(file, settings) : await bridgeFile(file, settings));
      },
    );

  bridge
    .command("sparkplug")
    .description("publish everything to one MQTT broker as a Sparkplug B edge node")
    .configureHelp({ showGlobalOptions: true })
    .argument("<address>", "mqtt://HOST:PORT or mqtts://HOST:PORT")
    .requiredOption("--group <id>", "Sparkplug group (required)")
    .requiredOption("--edge-node <id>", "Sparkplug edge node (required)")
    .action(async (address: string, { group, edgeNode }: SparkplugOptions, command: Command) => {
      const { bridgeOutput } = await import("./bridge.ts");
      done(await bridgeOutput({ type: "sparkplug", address, group, edgeNode }, settingsOf(command)));
    });

  for (const [type, description, example] of [
    ["mqtt", "publish everything to one MQTT broker as JSON", "mqtt://HOST:PORT or mqtts://HOST:PORT"],
    ["jetstream", "publish everything to a stream of a NATS server", "nats://HOST:PORT or tls://HOST:PORT"],
  ] as const)
    bridge
      .command(type)
      .description(description)
      .configureHelp({ showGlobalOptions: true })
      .argument("<address>", example)
      .action(async (address: string, _options: object, command: Command) => {
        const { bridgeOutput } = await import("./bridge.ts");
        done(await bridgeOutput({ type, address }, settingsOf(command)));
      });
}

interface SparkplugOptions {
  readonly group: string;
  readonly edgeNode: string;
}

/** The options are those of `cpc bridge`, which takes them wherever they stand. */
function settingsOf(command: Command): BridgeSettings {
  return command.optsWithGlobals<BridgeSettings>();
}

function withOptions(command: Command): Command {
  return command
    .addOption(prefixOption())
    .addOption(
      new Option("--state <dir>", "folder for queues and positions, which outlive the bridge")
        .env("CPC_BRIDGE_STATE")
        .default("bridge-state"),
    )
    .addOption(
      new Option("--no-commands", "subscribe to nothing: no broker can ask for anything").env("CPC_BRIDGE_NO_COMMANDS"),
    )
    .addOption(
      new Option("--allow <addresses>", "HOST:PORT or HOST:*, separated by commas: the file can name no other broker")
        .env("CPC_BRIDGE_ALLOW")
        .default([], "those that the file names")
        .argParser((text) => text.split(",").map((address) => address.trim())),
    )
    .addOption(
      new Option(
        "--textfile <file>",
        "write metrics to this file for node_exporter's textfile collector; the bridge listens nowhere",
      ).env("CPC_BRIDGE_TEXTFILE"),
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption());
}
