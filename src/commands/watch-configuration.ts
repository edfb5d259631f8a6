// A configuration that changes while the partition runs: told by SIGHUP, or noticed because a file was replaced. It is read and checked
// first; what is invalid is refused with every problem in the log, and the old one goes on.

import { unwatchFile, watchFile } from "node:fs";
import { ConfigurationError, formatProblem } from "../config/problem.ts";
import type { Log } from "../logging/log.ts";
import { loadConfigurations, type ConfigurationFiles, type Configurations } from "./load-configurations.ts";
import type { Hangups } from "./signals.ts";

/** Looking at names, not at events: a file may be replaced by a rename, or be a link that is turned elsewhere. */
const lookMs = 1000;

/** Returns what ends it. */
export function watchConfiguration(
  files: ConfigurationFiles,
  hangups: Hangups,
  log: Log,
  changed: (configurations: Configurations) => void,
): () => void {
  const reload = (reason: string): void => {
    try {
      const configurations = loadConfigurations(files);
      for (const warning of configurations.warnings) log("warn", formatProblem(warning));
      changed(configurations);
      log("info", `configuration taken over (${reason})`);
    } catch (error) {
      const problems =
        error instanceof ConfigurationError ? error.problems.map((problem) => formatProblem(problem)) : [String(error)];
      for (const problem of problems) log("error", problem);
      log("error", `the changed configuration is refused, the old one goes on (${reason})`);
    }
  };
  const watched = [files.opcua, files.modbus].filter((file) => file !== undefined);
  hangups.listen(() => reload("SIGHUP"));
  for (const file of watched) {
    watchFile(file, { interval: lookMs, persistent: false }, (now, before) => {
      if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size)
        reload(`${file} changed`);
    });
  }
  return () => {
    hangups.ignore();
    for (const file of watched) unwatchFile(file);
  };
}
