// `cpc documents`: the documents of a partition that another process, container or user runs.

import { serviceNames } from "@cpc-partition/image/service-name";
import { ExitCode } from "@cpc-partition/process/exit-code";
import type { LogFormat, LogLevel } from "@cpc-partition/process/log";
import { createLog } from "@cpc-partition/process/pino-log";
import { logRuntimeWarnings } from "@cpc-partition/process/runtime-warnings";
import { stopSignal } from "@cpc-partition/process/signals";
import { refuseUnusableNames } from "./refuse-names.ts";
import { segmentSizeFlaw } from "./document-size.ts";
import { CommandError } from "@cpc-partition/process/command-error";
import { OpenedImage } from "@cpc-partition/image/opened-image";
import type { ServiceName } from "@cpc-partition/image/service-name";
import { runDocuments } from "./documents.ts";

export interface DocumentsSettings {
  readonly consumers: readonly string[];
  readonly prefix: string;
  readonly segmentSize: number | undefined;
  readonly unreadable: "leave-out" | "text";
  readonly strictJson: boolean;
  readonly removeOnExit: boolean;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Throws a CommandError, AnotherWriterError, UnsuitableObjectError or PosixError. */
export async function documents(settings: DocumentsSettings): Promise<ExitCode> {
  const { consumers, prefix, segmentSize, unreadable, strictJson, removeOnExit } = settings;
  const log = createLog({ level: settings.logLevel, format: settings.logFormat });
  logRuntimeWarnings(log);
  const stopped = stopSignal().then(() => {
    log("info", "stopping");
    return { removeObjects: removeOnExit };
  });
  const document = { unreadable, strictJson };
  refuseUnusableNames(serviceNames, consumers, prefix);
  if (segmentSize !== undefined) for (const service of serviceNames) refuseSmallSegment(prefix, service, segmentSize);
  log("info", "started", { consumers, prefix });
  await runDocuments({ services: serviceNames, consumers, prefix, segmentBytes: segmentSize, document }, stopped, log);
  log("info", "stopped");
  return ExitCode.fine;
}

/** As far as there is an image already. */
function refuseSmallSegment(prefix: string, service: ServiceName, bytes: number): void {
  using image = new OpenedImage(`${prefix}${service}_image`);
  const connections = image.current()?.directory.servers.map(({ connection }) => connection);
  const flaw = connections === undefined ? undefined : segmentSizeFlaw(service, connections, bytes);
  if (flaw !== undefined) throw new CommandError(flaw);
}
