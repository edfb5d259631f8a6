// The commands of `cpc` as data: what the manual page and the completion of shells are made of, so that they cannot differ from the program.

import type { EventEmitter } from "node:events";
import type { Command, Help, Option } from "commander";

export interface CommandNode {
  /** Behind `cpc`; none of the program itself. */
  readonly words: readonly string[];
  readonly usage: string;
  readonly description: string;
  readonly arguments: readonly { readonly term: string; readonly description: string }[];
  readonly options: readonly OptionNode[];
  /** What stands below the options in its help. */
  readonly remarks: string;
  /** What its first argument can be: words, or files. */
  readonly offers: Offer;
  readonly commands: readonly CommandNode[];
}

export interface OptionNode {
  /** "-h", "--help" */
  readonly flags: readonly string[];
  /** "--prefix <name>" */
  readonly term: string;
  /** With choices, default and variable. */
  readonly description: string;
  readonly variable: string | undefined;
  /** Undefined: it takes no value. */
  readonly value: Offer | undefined;
}

export interface Offer {
  readonly words: readonly string[];
  readonly isFile: boolean;
}

const namesFile = /\b(?:files?|path|dir)\b/;

export function commandTree(command: Command, words: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  const below = help.visibleCommands(command).filter((one) => one.name() !== "help");
  const [first] = command.registeredArguments;
  return {
    words,
    usage: help.commandUsage(command),
    description: help.commandDescription(command),
    arguments: help.visibleArguments(command).map((argument) => ({
      term: help.argumentTerm(argument),
      description: help.argumentDescription(argument),
    })),
    options: help.visibleOptions(command).map((option) => optionNode(help, option)),
    remarks: remarksOf(command),
    offers: { words: first?.argChoices ?? [], isFile: namesFile.test(first?.name() ?? "") },
    commands: below.map((one) => commandTree(one, [...words, one.name()])),
  };
}

function optionNode(help: Help, option: Option): OptionNode {
  const { short, long, flags, argChoices: words = [], envVar: variable } = option;
  const isFile = namesFile.test(flags.slice(flags.indexOf("<")));
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    term: help.optionTerm(option),
    description: help.optionDescription(option),
    variable,
    value: option.required || option.optional ? { words, isFile } : undefined,
  };
}

function remarksOf(command: Command): string {
  const written: string[] = [];
  // Its type hides that it is one.
  const events = command as unknown as EventEmitter;
  events.emit("afterHelp", { error: false, command, write: (text: string) => written.push(text) });
  return written.join("\n").trim();
}

/** The node and all below it. */
export function allCommands(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.commands.flatMap(allCommands)];
}
