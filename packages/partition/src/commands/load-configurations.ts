// Has the configuration files read in a thread of its own: whatever stands in them, the thread that asked stays free to supervise and to stop.
//
// Promises: an answer within a bounded time and with a bounded memory, and an end at once when the signal aborts. A thread that hangs in
// the system (a file system that does not answer) is left behind.

import { totalmem } from "node:os";
import { Worker } from "node:worker_threads";
import { printError } from "@cpc-partition/process/standard-error";
import { ConfigurationError, formatProblem, type Problem } from "../configuration/problem.ts";
import type { CheckOrder, CheckReport } from "./check-configurations.ts";
import type {
  ConfigurationAnswer,
  ConfigurationMessage,
  ConfigurationOrder,
  LoadedConfigurations,
} from "./configuration-worker.ts";
import type { ConfigurationFiles } from "./read-configurations.ts";
import { processorMsOf, ReadingLimit, type TimeBounds } from "./reading-limit.ts";

export interface ReadingBounds extends TimeBounds {
  /** Of JavaScript's values. */
  readonly heapMegabytes: number;
}

const youngMegabytes = 24;
const lookAgainMs = 1000;

/** A million points take 2.5 GB and half a minute of processor time. On a small gateway the memory for a hundred thousand remains. */
const usualBounds: ReadingBounds = {
  processorMs: 120_000,
  standstillMs: 120_000,
  heapMegabytes: Math.min(4096, Math.max(512, Math.floor(totalmem() / 2 / 2 ** 20))),
};

/** Rejects with one ConfigurationError with the problems of all files, or with the signal's reason. */
export async function loadConfigurations(
  files: ConfigurationFiles,
  signal?: AbortSignal,
  bounds?: ReadingBounds,
): Promise<LoadedConfigurations> {
  return (await inThread({ kind: "read", files }, signal, bounds)) as LoadedConfigurations;
}

/** What is wrong with a file is in the report; rejects with a ConfigurationError when the thread comes to no end. */
export async function checkInThread(order: CheckOrder): Promise<CheckReport> {
  return (await inThread({ kind: "check", order })) as CheckReport;
}

async function inThread(
  order: ConfigurationOrder,
  signal?: AbortSignal,
  { processorMs, standstillMs, heapMegabytes }: ReadingBounds = usualBounds,
): Promise<ConfigurationAnswer> {
  signal?.throwIfAborted();
  // Sources and built files differ in their ending only, and import.meta.url tells which of them this is.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./configuration-worker.${extension}`, import.meta.url), {
    name: "configuration",
    workerData: order,
    stdout: true,
    stderr: true,
    // Little of what is made stays: a larger young generation takes memory and saves no time.
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes, maxYoungGenerationSizeMb: youngMegabytes },
  });
  const answer = Promise.withResolvers<ConfigurationAnswer>();
  let [file = ""] =
    order.kind === "read" ? Object.values(order.files.paths).flatMap((paths) => paths ?? []) : order.order.paths;
  const refuse = (message: string): void => answer.reject(new ConfigurationError([{ file, line: 1, message }]));
  let threadId: number | undefined;
  worker.on("message", (message: ConfigurationMessage) => {
    if (message.kind === "thread") ({ threadId } = message);
    else if (message.kind === "reading") ({ file } = message);
    else if (message.kind === "done") answer.resolve(message.answer);
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
  const over = {
    processorMs: `reading the file takes more than ${processorMs / 1000} s of processor time; split it, or look for what is wrong with it`,
    standstillMs: `reading the file has come to a standstill for ${standstillMs / 1000} s; look whether its file system answers`,
  };
  const limit = new ReadingLimit({ processorMs, standstillMs }, performance.now());
  const look = (): void => {
    const exceeded = limit.exceeded(threadId === undefined ? undefined : processorMsOf(threadId), performance.now());
    if (exceeded !== undefined) refuse(over[exceeded]);
  };
  const timer = setInterval(look, Math.min(lookAgainMs, processorMs, standstillMs));
  const abort = (): void => answer.reject(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await answer.promise;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener("abort", abort);
    // Not waited for: it may hang in the system.
    void worker.terminate();
    worker.unref();
  }
}

export function printProblems(problems: readonly Problem[]): void {
  for (const problem of problems) printError(formatProblem(problem));
}
