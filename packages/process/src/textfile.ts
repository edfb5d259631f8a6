// Metrics in a file for node_exporter's textfile collector: a program that writes them there needs no port. The file is written whole and
// renamed into its place.

import { rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { writingTrouble } from "./file-trouble.ts";
import type { Log } from "./log.ts";

/** node_exporter is scraped every 15 to 60 s. */
const intervalMs = 10_000;

/** Until the signal aborts; then the file is removed, so that nobody takes its last figures for the present ones. */
export async function writeTextfile(path: string, text: () => string, log: Log, signal: AbortSignal): Promise<void> {
  const draft = `${path}.new`;
  let isFailing = false;
  while (!signal.aborted) {
    try {
      await rm(draft, { force: true });
      await writeFile(draft, text(), { flag: "wx", mode: 0o644 });
      await rename(draft, path);
      isFailing = false;
    } catch (error) {
      if (!isFailing)
        log(
          "error",
          `cannot write the metrics to ${path} because ${writingTrouble(error)}; the next attempt is in 10 s`,
        );
      isFailing = true;
    }
    await delay(intervalMs, undefined, { signal }).catch(() => {});
  }
  // What cannot be removed was not written here: the log has said so.
  await Promise.allSettled([draft, path].map(async (file) => await rm(file, { force: true })));
}
