// `cpc documents`: the documents of a partition that another process, container or user runs.

import { ExitCode } from "@cpc-partition/process/exit-code";
import type { LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import { stopSignal } from "@cpc-partition/process/signals";
import { refuseUnusableNames } from "./refuse-names.ts";
import { runDocuments } from "./documents.ts";

export interface DocumentsSettings {
  readonly consumers: readonly string[];
  readonly prefix: string;
  readonly segmentSize: number | undefined;
  readonly unreadable: "leave-out" | "text";
  readonly strictJson: boolean;
  readonly removeOnExit: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
}

/** Throws an AnotherWriterError, UnsuitableObjectError or PosixError. */
export async function documents(settings: DocumentsSettings): Promise<ExitCode> {
  const { consumers, prefix, segmentSize, unreadable, strictJson, removeOnExit } = settings;
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  logRuntimeWarnings(log);
  const stopped = stopSignal().then(() => {
    log("info", "stopping");
    return { removeObjects: removeOnExit };
  });
  const document = { unreadable, strictJson };
  const services = ["opcua", "modbus"] as const;
  refuseUnusableNames(services, consumers, prefix);
  log("info", "started", { consumers, prefix });
  await runDocuments({ services, consumers, prefix, segmentBytes: segmentSize, document }, stopped, log);
  log("info", "stopped");
  return ExitCode.fine;
}
