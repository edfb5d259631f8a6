// `cpc bridge`: a process of its own beside the partition. It maps images and journals read-only, and publishes them.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { UnsuitableObjectError } from "@cpc-partition/image/posix/errno";
import { FileLock } from "@cpc-partition/image/posix/file-lock";
import { readBoundedFile, UnsuitableFileError } from "@cpc-partition/process/bounded-file";
import { readingTrouble, writingTrouble } from "@cpc-partition/process/file-trouble";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import type { LogFormat, LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { ServiceManager } from "@cpc-partition/process/service-manager";
import { stopSignal } from "@cpc-partition/process/signals";
import { printError, printWarning } from "@cpc-partition/process/standard-error";
import { print } from "@cpc-partition/process/standard-output";
import { writeTextfile } from "@cpc-partition/process/textfile";
import { yamlText } from "./configuration/parse-yaml.ts";
import { Delivery, type DeliveryState } from "./delivery/delivery.ts";
import { loadConfiguration, type BridgeConfiguration } from "./load-configuration.ts";
import { metricsText } from "./metrics-text.ts";

export interface BridgeSettings {
  readonly prefix: string;
  readonly state: string;
  readonly commands: boolean;
  readonly allow: readonly string[];
  readonly textfile: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

const largestFileBytes = 1024 * 1024;

export async function bridgeFile(file: string, settings: BridgeSettings): Promise<ExitCode> {
  return await run(load(readText(file), file, settings), settings);
}

/** One output without a file, as options of the command line say. */
export async function bridgeOutput(
  output: Readonly<Record<string, string>>,
  settings: BridgeSettings,
): Promise<ExitCode> {
  return await run(load(yamlText({ outputs: [output] }), "command line", settings), settings);
}

export function checkFile(file: string, settings: BridgeSettings): ExitCode {
  const { outputs, problems } = load(readText(file), file, settings);
  if (report(problems)) return ExitCode.invalidInput;
  for (const { output, address } of outputs) print(`${output.name}: ${address}`);
  print(`${file} is valid`);
  return ExitCode.fine;
}

async function run({ outputs, problems }: BridgeConfiguration, settings: BridgeSettings): Promise<ExitCode> {
  if (report(problems)) return ExitCode.invalidInput;
  keepHeapSmall();
  const { prefix, state, textfile } = settings;
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  const lock = lockState(state);
  const manager = new ServiceManager(log);
  const stop = new AbortController();
  const stopped = async (): Promise<void> => {
    await stopSignal();
    manager.stopping();
    stop.abort();
  };
  void stopped();
  const deliveries = outputs.map(({ output, delivery, stateFolder }) =>
    inFolder(stateFolder, () => new Delivery(output, delivery, { prefix, stateFolder, log })),
  );
  for (const { output, address } of outputs) print(`bridge: ${output.name} to ${address}`);
  const { signal } = stop;
  // Ready means that changes are followed and kept; a broker may be away for days.
  manager.ready();
  const endWatch = manager.watch(
    () => true,
    () => deliveries.map((delivery) => summaryOf(delivery.state)).join("; "),
  );
  try {
    const text = (): string => metricsText(deliveries.map((delivery) => delivery.state));
    const metrics = textfile === undefined ? [] : [writeTextfile(textfile, text, log, signal)];
    await Promise.all([...deliveries.map(async (delivery) => await delivery.run(signal)), ...metrics]);
  } finally {
    stop.abort();
    endWatch();
    for (const delivery of deliveries) delivery[Symbol.dispose]();
    lock[Symbol.dispose]();
  }
  return ExitCode.fine;
}

/**
 * What is sent is garbage a moment later. Without this the heap grows for it to several times what is in use, and nothing is quicker for that. With
 * it, what is in use may grow by a quarter before it is looked through.
 */
function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=25");
}

function summaryOf({ output, isConnected, queuedChanges }: DeliveryState): string {
  return `${output}: ${isConnected ? "connected" : "not connected"}, ${queuedChanges} changes queued`;
}

function load(text: string, file: string, settings: BridgeSettings): BridgeConfiguration {
  return loadConfiguration(text, {
    file,
    environment: process.env,
    stateFolder: settings.state,
    noCommands: !settings.commands,
    allowed: settings.allow,
  });
}

function readText(file: string): string {
  try {
    return readBoundedFile(file, { largestBytes: largestFileBytes }).toString();
  } catch (error) {
    throw new CommandError(`cannot read ${file} because ${readingTrouble(error)}`);
  }
}

/** True when there are errors. */
function report(problems: BridgeConfiguration["problems"]): boolean {
  for (const warning of problems.warnings) printWarning(warning);
  for (const error of problems.errors) printError(error);
  return problems.hasErrors;
}

/** Two bridges with one queue would each send half of it. */
function lockState(folder: string): FileLock {
  const lock = inFolder(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    return FileLock.take(join(folder, "lock"));
  });
  if (lock !== undefined) return lock;
  throw new CommandError(
    `cannot use the folder ${folder} because another bridge works in it; stop that one, or choose another with --state`,
  );
}

/** What the system refuses there is for people. */
function inFolder<Result>(folder: string, open: () => Result): Result {
  try {
    return open();
  } catch (error) {
    if (error instanceof UnsuitableFileError || error instanceof UnsuitableObjectError)
      throw new CommandError(`cannot use the folder ${folder}: ${error.message}`, { cause: error });
    if (!(error instanceof Error && "syscall" in error)) throw error;
    throw new CommandError(
      `cannot use the folder ${folder} because ${writingTrouble(error)}; or choose another with --state`,
    );
  }
}
