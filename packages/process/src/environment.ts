// Options from the environment. Compose files and unit files often set a variable to nothing, or a switch to "false": the command
// line parser looks at its presence only.

const switches: ReadonlySet<string> = new Set([
  "CPC_NO_DOCUMENTS",
  "CPC_REMOVE_ON_EXIT",
  "CPC_REQUIRE_SECURITY",
  "CPC_STRICT_JSON",
]);
const no = /^(?:0|false|no|off)$/i;

/** Removes the variables of this program that say nothing, and switches that say no. */
export function dropEmptyVariables(environment: NodeJS.ProcessEnv): void {
  for (const [name, text = ""] of Object.entries(environment)) {
    if (!name.startsWith("CPC_")) continue;
    if (text.trim() === "" || (switches.has(name) && no.test(text.trim()))) delete environment[name];
  }
}
