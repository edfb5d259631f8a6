// A configuration that changes while the partition runs: told by SIGHUP, or noticed because a file was replaced. It is read and checked
// first; what is invalid, or finds no room, is refused with every problem in the log, and the old one goes on.

import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { findFiles } from "../configuration/configuration-paths.ts";
import { ConfigurationError, formatProblem } from "../configuration/problem.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import type { Log } from "@cpc-partition/process/log";
import { PosixError } from "@cpc-partition/image/posix/errno";
import type { ConfigurationFiles, Configurations } from "./read-configurations.ts";
import type { Hangups } from "@cpc-partition/process/signals";

type Load<Loaded> = (files: ConfigurationFiles, signal: AbortSignal) => Promise<Loaded>;

/** Looking at names, not at events: a file may be replaced by a rename, or be a link that is turned elsewhere. */
const lookMs = 1000;

export class ConfigurationWatch<Loaded extends Pick<Configurations, "warnings">> {
  readonly #files: ConfigurationFiles;
  readonly #load: Load<Loaded>;
  /** Of each file, as it was read last. */
  #versions: ReadonlyMap<string, string> = new Map();

  private constructor(files: ConfigurationFiles, load: Load<Loaded>) {
    this.#files = files;
    this.#load = load;
  }

  /** To be made before the files are read for the first time: whatever changes from then on is noticed. */
  static async of<Loaded extends Pick<Configurations, "warnings">>(
    files: ConfigurationFiles,
    load: Load<Loaded>,
  ): Promise<ConfigurationWatch<Loaded>> {
    const watch = new ConfigurationWatch(files, load);
    watch.#versions = await watch.#versionsNow();
    return watch;
  }

  /** Returns what ends it. */
  start(hangups: Hangups, log: Log, changed: (configurations: Loaded) => void): () => void {
    const over = new AbortController();
    let wanted: string | undefined;
    let isReading = false;
    /** What is asked for while the files are read is done afterwards, once. */
    const reload = async (asked: string): Promise<void> => {
      wanted = asked;
      if (isReading) return;
      isReading = true;
      while (wanted !== undefined && !over.signal.aborted) {
        const reason: string = wanted;
        wanted = undefined;
        await this.#reload(reason, log, changed, over.signal);
      }
      isReading = false;
    };
    hangups.listen(() => void reload("SIGHUP"));
    let timer: NodeJS.Timeout;
    const look = async (): Promise<void> => {
      const file = await this.#changedFile();
      if (over.signal.aborted) return;
      if (file !== undefined) await reload(`${file} changed`);
      timer = setTimeout(() => void look(), lookMs).unref();
    };
    timer = setTimeout(() => void look(), lookMs).unref();
    return () => {
      over.abort();
      hangups.ignore();
      clearTimeout(timer);
    };
  }

  async #reload(reason: string, log: Log, changed: (configurations: Loaded) => void, over: AbortSignal): Promise<void> {
    this.#versions = await this.#versionsNow();
    try {
      const configurations = await this.#load(this.#files, over);
      for (const warning of configurations.warnings) log("warn", formatProblem(warning));
      changed(configurations);
      log("info", `configuration applied (${reason})`);
    } catch (error) {
      if (over.aborted) return;
      for (const problem of problemsOf(error)) log("error", problem);
      log("error", `changed configuration rejected; the previous configuration stays active (${reason})`);
    }
  }

  /** The first file that is another than was read last, came, or went. */
  async #changedFile(): Promise<string | undefined> {
    const before = this.#versions;
    const now = await this.#versionsNow();
    // A SIGHUP came meanwhile, perhaps for the same change: the next look tells.
    if (before !== this.#versions) return undefined;
    return [...now.keys(), ...before.keys()].find((file) => now.get(file) !== before.get(file));
  }

  /**
   * A file that cannot be looked at has a version, too: whoever reads it says why. Asynchronous, so that a file system that does not answer
   * keeps nothing waiting.
   */
  async #versionsNow(): Promise<ReadonlyMap<string, string>> {
    const versions = new Map<string, string>();
    for (const paths of Object.values(this.#files.paths))
      for (const file of (await findFiles(paths ?? [])).files)
        versions.set(file, versionOf(await stat(file).catch(() => undefined)));
    return versions;
  }
}

/** No two contents of a file have the same, as far as the file system tells. */
function versionOf(state: Stats | undefined): string {
  return state === undefined ? "0 0 0" : `${state.mtimeMs} ${state.ino} ${state.size}`;
}

function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigurationError) return error.problems.map((problem) => formatProblem(problem));
  if (error instanceof PosixError || error instanceof CommandError) return [error.message];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
}
