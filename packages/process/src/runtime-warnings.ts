// What the runtime would print by itself becomes records: its way to standard error waits for the reader.

import type { Log } from "./log.ts";

/** In this thread. */
export function logRuntimeWarnings(log: Log): void {
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => log("warn", `the runtime warns: ${name}: ${message}`));
}
