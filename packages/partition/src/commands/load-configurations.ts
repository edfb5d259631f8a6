// Has the configuration files read in a thread of its own: whatever stands in them, the thread that asked stays free to supervise and to stop.
//
// Promises: an answer within a bounded time and with a bounded memory, and an end at once when the signal aborts. A thread that hangs in
// the system (a file system that does not answer) is left behind.

import { Worker } from "node:worker_threads";
import { printError } from "@cpc-partition/process/standard-error";
import { ConfigurationError, formatProblem, type Problem } from "../configuration/problem.ts";
import type { ConfigurationMessage } from "./configuration-worker.ts";
import type { ConfigurationFiles, Configurations } from "./read-configurations.ts";

export interface ReadingBounds {
  readonly longestMs: number;
  /** Of JavaScript's values; 40,000 points take 200. */
  readonly heapMegabytes: number;
}

const usualBounds: ReadingBounds = { longestMs: 60_000, heapMegabytes: 512 };

/** Rejects with one ConfigurationError with the problems of all files, or with the signal's reason. */
export async function loadConfigurations(
  files: ConfigurationFiles,
  signal?: AbortSignal,
  { longestMs, heapMegabytes }: ReadingBounds = usualBounds,
): Promise<Configurations> {
  signal?.throwIfAborted();
  // Sources and built files differ in their ending only, and import.meta.url tells which of them this is.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./configuration-worker.${extension}`, import.meta.url), {
    name: "configuration",
    workerData: files,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
  });
  const answer = Promise.withResolvers<Configurations>();
  let file = files.either ?? files.opcua ?? files.modbus ?? "";
  const refuse = (message: string): void => answer.reject(new ConfigurationError([{ file, line: 1, message }]));
  worker.on("message", (message: ConfigurationMessage) => {
    if (message.kind === "reading") ({ file } = message);
    else if (message.kind === "read") answer.resolve(message.configurations);
    else answer.reject(new ConfigurationError(message.problems));
  });
  worker.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "ERR_WORKER_OUT_OF_MEMORY") answer.reject(error);
    else
      refuse(
        `reading the file takes more than ${heapMegabytes} MB of memory; split it, or look for what is wrong with it`,
      );
  });
  worker.on("exit", (code) =>
    refuse(`the thread that reads the file ended with code ${code}; look for what is wrong with the file`),
  );
  const timer = setTimeout(() => {
    refuse(`reading the file takes longer than ${longestMs / 1000} s; split it, or look for what is wrong with it`);
  }, longestMs);
  const abort = (): void => answer.reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await answer.promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    // Not waited for: it may hang in the system.
    void worker.terminate();
    worker.unref();
  }
}

export function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems) printError(formatProblem(problem));
}
