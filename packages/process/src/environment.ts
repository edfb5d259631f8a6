// Options from the environment. Compose files and unit files often set a variable to nothing, or a switch to "false": the command
// line parser looks at its presence only.

import { typingMistakes } from "./typing-mistakes.ts";

const no = /^(?:0|false|no|off)$/i;

/** Removes the variables of this program that say nothing, and those of `switches` that say no. */
export function dropEmptyVariables(environment: NodeJS.ProcessEnv, switches: ReadonlySet<string>): void {
  for (const [name, text = ""] of Object.entries(environment)) {
    if (!name.startsWith("CPC_")) continue;
    if (text.trim() === "" || (switches.has(name) && no.test(text.trim()))) delete environment[name];
  }
}

const mostMistakes = 2;
const mostOffered = 8;
/** What Kubernetes tells each container of the services beside it: that of the monitor begins like our options. */
const ofKubernetes = /_SERVICE_(?:HOST|PORT(?:_\w+)?)$|_PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)?$/;

/**
 * A sentence for each variable that no option has and that was meant for one: it looks like that of an option, or begins like some. Others may be
 * anybody's, the secrets of a configuration for example.
 */
export function misspelledVariables(environment: NodeJS.ProcessEnv, known: ReadonlySet<string>): readonly string[] {
  return Object.keys(environment).flatMap((name) => {
    if (!name.startsWith("CPC_") || known.has(name) || ofKubernetes.test(name)) return [];
    const [meant] = Array.from(known, (option) => ({ option, mistakes: typingMistakes(name, option) }))
      .filter(({ mistakes }) => mistakes <= mostMistakes)
      .sort((one, other) => one.mistakes - other.mistakes);
    if (meant !== undefined) return `no option has the variable ${name}; did you mean ${meant.option}?`;
    const [beginning = name] = /^CPC_[A-Z]+_/.exec(name) ?? [];
    const alike = [...known].filter((option) => option.startsWith(beginning)).slice(0, mostOffered);
    return alike.length > 0 ? `no option has the variable ${name}; there are ${alike.join(", ")}` : [];
  });
}
