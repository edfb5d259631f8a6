// The manual page cpc(1), in the language of man(7), made of the definitions of the commands.

import { allCommands, type CommandNode } from "./command-tree.ts";

/** The same bytes for the same version. */
export function manualPage(root: CommandNode, version: string): string {
  const [, ...commands] = allCommands(root);
  return [
    `.TH CPC 1 "" "cpc ${text(version)}" "User Commands"`,
    ".SH NAME",
    `cpc \\- ${text(root.description.replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    ".B cpc",
    ".I command",
    "[options]",
    ".SH DESCRIPTION",
    paragraph(
      "Configuration files, shared memory, certificates and the meaning of every setting are described in the documents that come with the program.",
    ),
    ".SH OPTIONS",
    ...root.options.map(optionText),
    ".SH COMMANDS",
    ...commands.map(commandText),
    ".SH NOTES",
    literal(root.remarks),
    ".SH SEE ALSO",
    ".BR shm_overview (7),",
    ".BR systemd.service (5)",
  ].join("\n");
}

function commandText(node: CommandNode): string {
  return [
    `.SS "cpc ${text(node.words.join(" "))}"`,
    `.B ${text(node.usage)}`,
    paragraph(`${node.description}.`),
    ...node.arguments.map(({ term, description }) => entry(`.I ${text(term)}`, description)),
    ...node.options.map(optionText),
    literal(node.remarks),
  ]
    .filter((line) => line !== "")
    .join("\n");
}

function optionText({ term, description }: CommandNode["options"][number]): string {
  return entry(`.B ${text(term)}`, description);
}

function entry(term: string, description: string): string {
  return `.TP\n${term}\n${text(description)}`;
}

function paragraph(words: string): string {
  return `.PP\n${text(words)}`;
}

/** Lines as they stand. */
function literal(lines: string): string {
  return lines === "" ? "" : `.PP\n.nf\n${lines.split("\n").map(text).join("\n")}\n.fi`;
}

/** Nothing in it is a request or an escape, and a hyphen is one that can be copied. */
function text(words: string): string {
  const escaped = words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq");
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
