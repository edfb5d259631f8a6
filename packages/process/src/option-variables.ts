// Every option can be set by an environment variable, for unit files, compose files and shells. Options that several commands share name theirs
// (`command-options.ts`); each other one is CPC_, the words of the command and the name of the option: CPC_CHECK_JSON.

import { Command, type Option } from "commander";

/** A program or command whose options all have a variable, which `--help` shows. */
export class CommandWithVariables extends Command {
  override createCommand(name?: string): Command {
    return new CommandWithVariables(name);
  }

  override addOption(option: Option): this {
    const words = wordsOf(this);
    // Those of the program itself are --help and --version.
    if (option.envVar === undefined && words.length > 0) {
      const name = option.long?.slice(2) ?? option.attributeName();
      option.env(["CPC", ...words, name].join("_").replaceAll("-", "_").toUpperCase());
    }
    return super.addOption(option);
  }
}

function wordsOf(command: Command): readonly string[] {
  return command.parent === null ? [] : [...wordsOf(command.parent), command.name()];
}

/** Of all options. */
export function optionVariables(program: Command): ReadonlySet<string> {
  return new Set(optionsOf(program).flatMap(({ envVar }) => envVar ?? []));
}

/** Of options that take no value. */
export function switchVariables(program: Command): ReadonlySet<string> {
  const switches = optionsOf(program).filter((option) => !option.required && !option.optional);
  return new Set(switches.flatMap(({ envVar }) => envVar ?? []));
}

function optionsOf({ options, commands }: Command): readonly Option[] {
  return [...options, ...commands.flatMap(optionsOf)];
}
