// The completion of commands, options, and values that are words of a list or files, for two shells. The script knows everything by itself: pressing
// Tab starts no program.

import { allCommands, type CommandNode, type Offer } from "./command-tree.ts";

/** Both shells find out the same way which command the words before the cursor are, and skip the values of options. */
function findCommand(root: CommandNode, first: number, last: string): string {
  const nodes = allCommands(root);
  const paths = nodes.flatMap(({ words }) => (words.length === 0 ? [] : [pattern(words.slice(0, -1), words.at(-1))]));
  const withValue = [...new Set(optionsWith(root, ({ value }) => value !== undefined))];
  return `  local command='' word='' skip='' i
  for ((i = ${first}; i < ${last}; i++)); do
    word=\${words[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$command|$word" in
    ${paths.join(" | ")}) command="\${command:+$command }$word" ;;
    ${withValue.map((flag) => `*"|${flag}"`).join(" | ")}) skip=1 ;;
    esac
  done`;
}

function pattern(words: readonly string[], last = ""): string {
  return `"${words.join(" ")}|${last}"`;
}

function optionsWith(root: CommandNode, fits: (option: CommandNode["options"][number]) => boolean): readonly string[] {
  return allCommands(root).flatMap(({ options }) => options.filter(fits).flatMap(({ flags }) => flags));
}

/** The cases of options that take a value; `offer` says what a shell does for one. */
function valueCases(root: CommandNode, offer: (value: Offer) => string): string {
  const cases = allCommands(root).flatMap((node) =>
    optionsOf(root, node).flatMap(({ flags, value }) => {
      const patterns = flags.map((flag) => pattern(node.words, flag)).join(" | ");
      return value === undefined ? [] : [`  ${patterns}) ${offer(value)} ;;`];
    }),
  );
  return cases.join("\n");
}

/** A sub-command finds its own options and those of the commands above it, as the program does. */
function optionsOf(root: CommandNode, { words }: CommandNode): readonly CommandNode["options"][number][] {
  const above = allCommands(root).filter((node) => node.words.every((word, at) => words[at] === word));
  const [, ...below] = above;
  return (words.length === 0 ? above : below).flatMap(({ options }) => options);
}

export function bashCompletion(root: CommandNode): string {
  const cases = allCommands(root).map((node) => {
    const flags = [...new Set(optionsOf(root, node).flatMap((option) => option.flags))].join(" ");
    const next = [...node.commands.map(({ words }) => words.at(-1)), ...node.offers.words].join(" ");
    const words = next === "" && !node.offers.isFile ? "compopt +o default" : `_cpc_offer "${next}"`;
    return `  "${node.words.join(" ")}") if [[ $current == -* ]]; then _cpc_offer "${flags}"; else ${words}; fi ;;`;
  });
  return `# Completion of cpc for bash. Made by: cpc completion bash
_cpc_offer() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }
_cpc() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} words=("\${COMP_WORDS[@]}")
${findCommand(root, 1, "COMP_CWORD")}
  case "$command|$previous" in
${valueCases(root, offerInBash)}
  esac
  case "$command" in
${cases.join("\n")}
  esac
}
complete -o default -F _cpc cpc`;
}

function offerInBash({ words, isFile }: Offer): string {
  if (words.length > 0) return `_cpc_offer "${words.join(" ")}"; return`;
  return isFile ? "return" : "compopt +o default; return";
}

export function zshCompletion(root: CommandNode): string {
  const cases = allCommands(root).map((node) => {
    const options = optionsOf(root, node).flatMap(({ flags, description }) =>
      flags.map((flag) => described(flag, description)),
    );
    const next = node.commands.map(({ words, description }) => described(words.at(-1) ?? "", description));
    const offers = [
      ...(next.length === 0 ? [] : [`found=(${next.join(" ")}); _describe command found`]),
      ...(node.offers.words.length === 0 ? [] : [`compadd -- ${node.offers.words.join(" ")}`]),
      ...(node.offers.isFile ? ["_files"] : []),
    ];
    return `  "${node.words.join(" ")}")
    if [[ $current == -* ]]; then
      found=(${[...new Set(options)].join(" ")}); _describe -o option found
    else
      ${offers.length === 0 ? ":" : offers.join("; ")}
    fi ;;`;
  });
  return `#compdef cpc
# Completion of cpc for zsh. Made by: cpc completion zsh
_cpc() {
  local current=\${words[CURRENT]} previous=\${words[CURRENT - 1]}
  local -a found
${findCommand(root, 2, "CURRENT")}
  case "$command|$previous" in
${valueCases(root, offerInZsh)}
  esac
  case "$command" in
${cases.join("\n")}
  esac
}
if [[ $funcstack[1] == _cpc ]]; then _cpc "$@"; else compdef _cpc cpc; fi`;
}

function offerInZsh({ words, isFile }: Offer): string {
  if (words.length > 0) return `compadd -- ${words.join(" ")}; return`;
  return isFile ? "_files; return" : "return";
}

/** "word:what it is" for \`_describe\`, quoted. */
function described(word: string, description: string): string {
  return `'${`${word.replaceAll(":", "\\:")}:${description}`.replaceAll("'", "'\\''")}'`;
}
