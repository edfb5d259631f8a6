// A configuration that changes while the partition runs: told by SIGHUP, or noticed because a file was replaced. It is read and checked
// first; what is invalid, or finds no room, is refused with every problem in the log, and the old one goes on.

import { statSync, unwatchFile, watchFile, type Stats } from "node:fs";
import { ConfigurationError, formatProblem } from "../config/problem.ts";
import type { Log } from "../logging/log.ts";
import { PosixError } from "../posix/errno.ts";
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
  const watched = [files.opcua, files.modbus].filter((file) => file !== undefined);
  /** Of each file, as it was read last. */
  const versions = new Map<string, string>();
  const reload = (reason: string): void => {
    for (const file of watched) versions.set(file, versionOf(stateOf(file)));
    try {
      const configurations = loadConfigurations(files);
      for (const warning of configurations.warnings) log("warn", formatProblem(warning));
      changed(configurations);
      log("info", `configuration taken over (${reason})`);
    } catch (error) {
      for (const problem of problemsOf(error)) log("error", problem);
      log("error", `the changed configuration is refused, the old one goes on (${reason})`);
    }
  };
  hangups.listen(() => reload("SIGHUP"));
  for (const file of watched) {
    watchFile(file, { interval: lookMs, persistent: false }, (now, before) => {
      const version = versionOf(now);
      // After a SIGHUP for the same change there is nothing left to do.
      if (version !== versionOf(before) && version !== versions.get(file)) reload(`${file} changed`);
    });
  }
  return () => {
    hangups.ignore();
    for (const file of watched) unwatchFile(file);
  };
}

/** Undefined for one that cannot be looked at: whoever reads it says why. */
function stateOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

/** No two contents of a file have the same, as far as the file system tells. */
function versionOf(state: Stats | undefined): string {
  return state === undefined ? "0 0 0" : `${state.mtimeMs} ${state.ino} ${state.size}`;
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigurationError) return error.problems.map((problem) => formatProblem(problem));
  if (error instanceof PosixError) return [error.message];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
}
