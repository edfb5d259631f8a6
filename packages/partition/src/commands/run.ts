// `cpc run`: the partition in the foreground until it is told to stop, with the process that makes documents of its images.

import { resolve } from "node:path";
import type { SupervisedDocuments } from "@cpc-partition/documents/process-messages";
import { overallHealth } from "@cpc-partition/documents/overall-health";
import { refuseUnusableNames } from "@cpc-partition/documents/refuse-names";
import { ObservedServices } from "@cpc-partition/documents/service-status";
import { DocumentsSupervisor } from "@cpc-partition/documents/supervise-documents";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { createLog } from "@cpc-partition/process/pino-log";
import { ServiceManager } from "@cpc-partition/process/service-manager";
import type { Log, LogFormat, LogLevel } from "@cpc-partition/process/log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import { formatProblem } from "../configuration/problem.ts";
import { endProcessAtOnce } from "@cpc-partition/image/posix/process-end";
import { Partition, type PartitionOptions, type SpawnedWorkers } from "../main-thread/partition.ts";
import { keepHeapsSmall } from "../small-process.ts";
import { spawnWorker, untilLoaded } from "../main-thread/spawn-worker.ts";
import type { PackedConfiguration } from "../configuration/packed-configuration.ts";
import { perProtocol, protocols } from "../protocols/registry.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import { ExitCode } from "@cpc-partition/process/exit-code";
import { refuseSmallSegment } from "./document-size-plan.ts";
import { loadConfigurations } from "./load-configurations.ts";
import type { LoadedConfigurations } from "./configuration-worker.ts";
import type { ConfigurationFiles, ConfigurationPaths } from "./read-configurations.ts";
import { namesFileOf } from "./state-settings.ts";
import { Hangups, stopSignal } from "@cpc-partition/process/signals";
import { ConfigurationWatch } from "./watch-configuration.ts";

export interface RunSettings {
  readonly paths: ConfigurationPaths;
  readonly interval: number;
  readonly consumers: readonly string[];
  readonly prefix: string;
  readonly certificates: string;
  readonly state: string | undefined;
  readonly requireSecurity: boolean;
  readonly segmentSize: number | undefined;
  readonly journalSize: number;
  readonly threads: number | undefined;
  readonly unreadable: "leave-out" | "text";
  readonly strictJson: boolean;
  readonly removeOnExit: boolean;
  /** False: another process makes them. */
  readonly documents: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Throws a ConfigurationError before any OS object is made, and AnotherWriterError or PosixError when one cannot be. */
export async function run(settings: RunSettings): Promise<ExitCode> {
  const stopped = stopSignal();
  const hangups = new Hangups();
  const { paths, certificates: certificatesDirectory, requireSecurity } = settings;
  const intervalMs = settings.interval * 1000;
  const begun = begin({ paths, certificatesDirectory, requireSecurity, intervalMs }, stopped);
  // The threads load their protocol stacks while the configuration is read.
  const spawned = spawnWorkers(perProtocol(paths).map(({ protocol }) => protocol.name));
  try {
    const read = await Promise.race([begun, stopped.then(() => undefined)]);
    if (read === undefined) endBeforeThreads();
    else await runWith(settings, read, stopped, hangups, spawned);
  } catch (error) {
    endBeforeThreads();
    throw error;
  }
  return ExitCode.fine;
}

/** The threads may still be loading: the runtime, ending them in the middle of that at its own end, now and then ends with abort(3). */
function endBeforeThreads(): void {
  process.once("exit", endProcessAtOnce);
}

async function runWith(
  settings: RunSettings,
  { watch, configurations }: Awaited<ReturnType<typeof begin>>,
  stopped: Promise<unknown>,
  hangups: Hangups,
  spawned: LoadingWorkers,
): Promise<void> {
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  for (const warning of configurations.warnings) log("warn", formatProblem(warning));
  admit(configurations, settings, log);
  const options = { ...configurations.services, ...partitionOptions(settings), documents: documentsOf(settings), log };
  await runPartition(options, stopped, spawned, (partition) =>
    watch.start(hangups, log, (changed) => {
      admit(changed, settings, log);
      partition.reconfigure(changed.services);
    }),
  );
}

/** Rejects when it is stopped, like for any other reason. */
async function begin(files: ConfigurationFiles, stopped: Promise<unknown>) {
  const stop = new AbortController();
  void stopped.then(() => stop.abort());
  const watch = await ConfigurationWatch.of(files, loadConfigurations);
  return { watch, configurations: await loadConfigurations(files, stop.signal) };
}

/** Throws a CommandError when what the configuration needs is not there: the certificates directory, or room in the documents. */
function admit(configurations: LoadedConfigurations, settings: RunSettings, log: Log): void {
  const { services, problems, directoryTrouble, usesDirectory } = configurations;
  const { documents, segmentSize, certificates } = settings;
  if (documents && segmentSize !== undefined) {
    for (const { protocol, value } of perProtocol<PackedConfiguration>(services))
      refuseSmallSegment(protocol.name, value.connections, segmentSize);
  }
  if (directoryTrouble !== undefined) throw new CommandError(directoryTrouble);
  for (const problem of problems) log("warn", formatProblem(problem));
  if (usesDirectory) log("info", `certificates are in ${resolve(certificates)}`);
}

export interface RunOptions extends PartitionOptions {
  /** Of the process that makes the documents; undefined: it is none of ours. */
  readonly documents: Omit<SupervisedDocuments, "services" | "prefix"> | undefined;
}

/** `started` may begin something that lasts as long as the partition, and returns what ends it. */
export async function runPartition(
  options: RunOptions,
  stopped: Promise<unknown>,
  { workers, loaded }: LoadingWorkers = spawnWorkers(servicesOf(options)),
  started: (partition: Partition) => () => void = () => () => {},
): Promise<void> {
  logRuntimeWarnings(options.log);
  const { documents: wanted, prefix } = options;
  if (wanted !== undefined) refuseUnusableNames(servicesOf(options), wanted.consumers, prefix);
  const partition = new Partition(options);
  const documents = superviseDocuments(options);
  await Promise.race([loaded, stopped]);
  keepHeapsSmall();
  partition.start(workers);
  logStart(options, options.log);
  const end = started(partition);
  const manager = new ServiceManager(options.log);
  using services = new ObservedServices(prefix);
  const unwatch = manager.watch(
    () => partition.isWell(),
    () => stateOf(partition, services),
  );
  void settled(partition, documents).then(() => manager.ready());
  await stopped;
  manager.stopping();
  unwatch();
  end();
  options.log("info", "stopping");
  await Promise.all([partition.stop(), documents?.stop(options.removeOnExit)]);
  options.log("info", "stopped");
}

/** Without an image there is no document to wait for, and who waits for this service must not wait for room in shared memory. */
async function settled(partition: Partition, documents: DocumentsSupervisor | undefined): Promise<void> {
  await partition.settled();
  if (partition.imageTroubles().length === 0) await documents?.settled;
}

/** What is missing comes first. */
function stateOf(partition: Partition, services: ObservedServices): string {
  const troubles = partition.imageTroubles();
  // A trouble says more than that an image is missing.
  const statuses = services
    .statuses(Date.now())
    .filter(({ imageState }) => imageState === "present" || troubles.length === 0);
  if (statuses.length > 0) return [...troubles, overallHealth(statuses).summary].join(" ");
  return troubles.length > 0 ? troubles.join(" ") : "Starting: the process image is being made.";
}

/** Threads of services that have no order yet, and when their code is loaded. */
export interface LoadingWorkers {
  readonly workers: SpawnedWorkers;
  readonly loaded: Promise<unknown>;
}

function spawnWorkers(services: readonly ServiceName[]): LoadingWorkers {
  const workers = services.map((service) => [service, spawnWorker(service)] as const);
  return {
    workers: Object.fromEntries(workers),
    loaded: Promise.all(workers.map(([, worker]) => untilLoaded(worker))),
  };
}

function superviseDocuments(options: RunOptions): DocumentsSupervisor | undefined {
  const { documents, prefix, log } = options;
  if (documents === undefined) return undefined;
  return new DocumentsSupervisor({ ...documents, services: servicesOf(options), prefix }, log);
}

function servicesOf(options: RunOptions): readonly ServiceName[] {
  return perProtocol<PackedConfiguration>(options).map(({ protocol }) => protocol.name);
}

function partitionOptions(settings: RunSettings) {
  return {
    intervalMs: settings.interval * 1000,
    prefix: settings.prefix,
    journalBytes: settings.journalSize,
    threads: settings.threads,
    certificatesDirectory: settings.certificates,
    namesFile: namesFileOf(settings),
    removeOnExit: settings.removeOnExit,
  };
}

function documentsOf(settings: RunSettings): RunOptions["documents"] {
  if (!settings.documents) return undefined;
  const { consumers, segmentSize: segmentBytes, unreadable, strictJson, logLevel, logFormat } = settings;
  return { consumers, segmentBytes, document: { unreadable, strictJson }, logLevel, logFormat };
}

function logStart(options: RunOptions, log: Log): void {
  const { intervalMs, prefix, documents } = options;
  const configured = new Map(perProtocol<PackedConfiguration>(options).map(({ protocol, value }) => [protocol, value]));
  const sizes = protocols.flatMap((protocol) => {
    const { servers = [], points = 0 } = configured.get(protocol) ?? {};
    return [
      [`${protocol.name}Servers`, servers.length],
      [`${protocol.name}Points`, points],
    ];
  });
  log("info", "started", {
    intervalMs,
    prefix,
    ...(documents === undefined ? {} : { consumers: documents.consumers }),
    ...Object.fromEntries(sizes),
  });
}
