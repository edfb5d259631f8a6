// Options from the environment. Compose files and unit files often set a variable to nothing, or a switch to "false": the command
// line parser looks at its presence only.

const no = /^(?:0|false|no|off)$/i;

/** Removes the variables of this program that say nothing, and those of `switches` that say no. */
export function dropEmptyVariables(environment: NodeJS.ProcessEnv, switches: ReadonlySet<string>): void {
  for (const [name, text = ""] of Object.entries(environment)) {
    if (!name.startsWith("CPC_")) continue;
    if (text.trim() === "" || (switches.has(name) && no.test(text.trim()))) delete environment[name];
  }
}
