// Which Node.js is too old, said before anything is loaded that it does not understand. This file and those that import it first
// hold to what old ones do understand.

/** As in package.json, "engines". */
const least = [22, 18] as const;

/** One sentence, or undefined when this Node.js will do. */
export function nodeVersionProblem(version = process.versions.node): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > least[0] || (major === least[0] && minor >= least[1])) return undefined;
  return (
    `cpc-partition cannot run because it needs Node.js ${least.join(".")} or newer, and ${process.execPath} is ${version}: ` +
    "install a newer one (24 is what it is tested with) and put it first in PATH"
  );
}
