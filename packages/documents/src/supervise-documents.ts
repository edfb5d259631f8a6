// Keeps the documents process running beside the partition: starts it, starts it again when it dies, ends it.
//
// Whatever the consumers do to that process, this one maps and opens nothing that they may write.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { ExitCode } from "@cpc-partition/process/exit-code";
import type { Log } from "@cpc-partition/process/log";
import type { MessageFromDocuments, MessageToDocuments, SupervisedDocuments } from "./process-messages.ts";

/** Documents are to be back within a second of a death, and a start takes a part of that. */
const longestPauseMs = 500;
const pauseStepMs = 100;
/** A process that lived this long is started again at once. */
const wellAfterMs = 1000;
/** The process makes little garbage, and has one thread that makes it: this saves a tenth of its memory. */
const smallProcess = ["--max-semi-space-size=1", "--v8-pool-size=1"];
/** From this death in a row on, a reason that stays the same is logged once in this time: no room in shared memory, for example, may last. */
const sparinglyAfter = 10;
const logAgainMs = 60_000;
/** Another process makes the documents: tried again so often in a row it is none that is just ending, and looked for from then on this seldom. */
const fewRefusals = 3;
const lookAgainMs = 3000;
/** Told to stop, it waits for consumers that hold their guard, for a short time. */
const stopLimitMs = 2500;

export class DocumentsSupervisor {
  readonly #settings: SupervisedDocuments;
  readonly #log: Log;
  #child: ChildProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #deaths = 0;
  #deathsInRow = 0;
  /** When each reason was logged last. */
  readonly #loggedMs = new Map<string, number>();
  readonly #settled = Promise.withResolvers<void>();
  #isStopping = false;
  /** Attempts in a row that found another writer. */
  #refusals = 0;

  constructor(settings: SupervisedDocuments, log: Log) {
    this.#settings = settings;
    this.#log = log;
    this.#start();
  }

  /** Undefined between two of them. */
  get processId(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the consumers' objects are there for the first time, or when the first process could not make them. */
  get settled(): Promise<void> {
    return this.#settled.promise;
  }

  /** Resolves when the last documents are written, every connection `false`, and the process is gone. */
  async stop(removeObjects: boolean): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const gone = once(child, "exit");
    this.#send({ kind: "stop", removeObjects });
    const limit = new AbortController();
    const isLate = delay(stopLimitMs, true, { signal: limit.signal }).catch(() => false);
    if ((await Promise.race([gone, isLate])) === true) {
      this.#log("warn", `the documents process did not end within ${stopLimitMs / 1000} s and is killed`);
      child.kill("SIGKILL");
      await gone;
    }
    limit.abort();
  }

  #start(): void {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const entry = fileURLToPath(new URL(`./documents-process.${extension}`, import.meta.url));
    const startedMs = performance.now();
    const child = fork(entry, [], {
      // What finds our sources, but not a debugger's port, which is taken.
      execArgv: [...process.execArgv.filter((argument) => !argument.startsWith("--inspect")), ...smallProcess],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#child = child;
    let failure = "";
    const isWell = setTimeout(() => this.#isAlone(), wellAfterMs);
    child.on("message", (message: MessageFromDocuments) => {
      if (message.kind === "begun") this.#settled.resolve();
      else failure = message.reason;
    });
    child.on("error", (error) => (failure = error.message));
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (this.#child !== child) return;
      this.#child = undefined;
      clearTimeout(isWell);
      if (this.#isStopping) return;
      if (code === ExitCode.anotherWriter) this.#foundAnotherWriter(failure);
      else this.#died(failure || reasonOf(code, signal), performance.now() - startedMs);
    };
    child.once("exit", ended);
    // A process that could not be started does not exit.
    child.once("error", () => child.pid === undefined && ended(null, null));
    this.#send({ kind: "start", documents: this.#settings });
  }

  #died(reason: string, livedMs: number): void {
    this.#settled.resolve();
    this.#deaths++;
    this.#deathsInRow = livedMs >= wellAfterMs ? 0 : this.#deathsInRow + 1;
    const pauseMs = Math.min(longestPauseMs, this.#deathsInRow * pauseStepMs);
    const fields = { deaths: this.#deaths, livedMs: Math.round(livedMs), pauseMs };
    if (this.#isNews(reason) || this.#deathsInRow < sparinglyAfter)
      this.#log("error", `the documents process ended (${reason}) and is started again; acquisition goes on`, fields);
    this.#restart = setTimeout(() => this.#start(), pauseMs);
  }

  /** Somebody started `cpc documents` beside `cpc run`: its documents are as good as ours, and when it ends ours follow. */
  #foundAnotherWriter(reason: string): void {
    this.#refusals++;
    if (this.#refusals === fewRefusals)
      this.#log(
        "warn",
        `${reason}: cpc documents, or another cpc run, makes the documents of this prefix, and this partition makes none until that process ` +
          "ends; acquisition goes on. Run the partition with --no-documents, or stop the other process",
      );
    const pauseMs = this.#refusals < fewRefusals ? this.#refusals * pauseStepMs : lookAgainMs;
    this.#restart = setTimeout(() => this.#start(), pauseMs);
  }

  /** The documents process has lived long enough to know that nobody else makes documents. */
  #isAlone(): void {
    if (this.#refusals >= fewRefusals) this.#log("info", "the other process has ended: documents are made here again");
    this.#refusals = 0;
  }

  #isNews(reason: string): boolean {
    const nowMs = performance.now();
    for (const [known, atMs] of this.#loggedMs) if (nowMs - atMs >= logAgainMs) this.#loggedMs.delete(known);
    if (this.#loggedMs.has(reason)) return false;
    this.#loggedMs.set(reason, nowMs);
    return true;
  }

  /** A process that is gone is noticed by its exit. */
  #send(message: MessageToDocuments): void {
    this.#child?.send(message, () => {});
  }
}

function reasonOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal === "SIGBUS") return "SIGBUS: a consumer may have cut the file of a semaphore";
  if (signal !== null) return signal;
  return `exit code ${code ?? "unknown"}`;
}
