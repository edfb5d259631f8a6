// The commands that other packages add to `cpc`. A gateway has only the packages that it needs, so each is looked for when `cpc`
// starts; the commands of one that is not installed say what to install.

import type { Command } from "commander";
import { CommandError } from "@cpc-partition/process/command-error";
import type { ExitCode } from "@cpc-partition/process/exit-code";

interface Companion {
  addCommands(program: Command, done: (code: ExitCode) => void): void;
}

/** Package -> its commands, with what `cpc --help` says of them where it is not installed. */
const companions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "@cpc-partition/documents": {
    documents: "write the documents of a partition that runs elsewhere",
  },
  "@cpc-partition/bridge": {
    bridge: "publish what the partition reads to brokers: MQTT Sparkplug B, plain MQTT, NATS JetStream",
  },
  "@cpc-partition/monitor": {
    monitor: "show a page with values and problems, metrics for Prometheus, and health",
  },
  "@cpc-partition/simulator": {
    demo: "simulate a plant on this machine, run the partition on it and show the values",
    simulate: "run only the simulated plant",
  },
};

export const companionNames: readonly string[] = Object.keys(companions);

export async function addCompanions(program: Command, done: (code: ExitCode) => void): Promise<void> {
  for (const [name, commands] of Object.entries(companions)) {
    const companion = await load(name);
    if (companion === undefined) addMissing(program, name, commands);
    else companion.addCommands(program, done);
  }
}

async function load(name: string): Promise<Companion | undefined> {
  const specifier = `${name}/commands`;
  try {
    return (await import(specifier)) as Companion;
  } catch (error) {
    // Not installed; a companion that is there and lacks something is a fault of its installation and is reported as such.
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (isMissing && error.message.includes(`'${name}'`)) return undefined;
    throw error;
  }
}

function addMissing(program: Command, name: string, commands: Readonly<Record<string, string>>): void {
  for (const [command, description] of Object.entries(commands)) {
    program
      .command(command)
      .description(`${description} (needs the package ${name})`)
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .action(() => {
        throw new CommandError(
          `cannot run cpc ${command} because the package ${name} is not installed: npm install ${name}`,
        );
      });
  }
}
